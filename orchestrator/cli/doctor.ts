/** rowcast doctor: looks at each part, says what is wrong and what to do about it. */
import type { Finding } from '../doctor/finding.ts'
import { type Output, plural } from './output.ts'
import type { Parts } from './parts.ts'

export async function doctorCommand(parts: Parts, output: Output): Promise<number> {
  const found = { ok: 0, warning: 0, failed: 0 }
  let unreachable = false
  for await (const finding of parts.examine()) {
    found[finding.status]++
    if (finding.status === 'failed' && finding.unreachable) unreachable = true
    tell(finding, output)
  }
  const status = found.failed > 0 ? 'failed' : found.warning > 0 ? 'warning' : 'ok'
  output.line({ type: 'doctor', status, ok: found.ok, warnings: found.warning, failed: found.failed })
  output.say(`${found.ok} ok, ${plural(found.warning, 'warning')}, ${found.failed} failed`)
  if (found.failed === 0) return 0
  return unreachable ? 3 : 1
}

function tell({ check, status, message, fix }: Finding, output: Output): void {
  output.line({ type: 'finding', check, status, message, ...(fix === undefined ? {} : { fix }) })
  const mark = status === 'ok' ? output.green('✓') : status === 'warning' ? '!' : output.red('✗')
  output.say(`${mark} ${output.bold(check)}: ${message}`)
  if (fix !== undefined) output.say(`    ${output.dim(`→ ${fix}`)}`)
}
