/** Tombstones for what vanished from a complete listing. */
import type { Claim, ConnectorStream, StatePort } from './ports.ts'
import type { Report } from './tally.ts'

const PAGE = 5000

export async function retractVanished(
  stream: ConnectorStream,
  claim: Claim,
  { state, report }: { state: StatePort; report: Report },
): Promise<void> {
  for (let after = ''; ; ) {
    const page = await state.work(claim, 'retract', after, PAGE)
    if (page.length === 0) return
    if (after === '') report.phase('retract', 'retracting vanished fragments')
    await stream.retract(page)
    after = page.at(-1)!.name
  }
}
