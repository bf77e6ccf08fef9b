/** A process that holds a home in the middle of a refresh until it is killed: `node holder.ts HOME`. */
import { openState } from '../../../orchestrator/state/open.ts'
import { C, handles, item, list, receipt, TRACE } from './support.ts'

const state = handles(await openState(process.argv[2]!, { pid: process.pid })).as('holder')
const claim = await state.begin(C, 'cli', TRACE)
await list(state, claim, [item('committed'), item('open')])
await state.commit(claim, [receipt('committed')])
const staging = await state.stage(C)
await staging.append([item('half')])
process.stdout.write('holding\n')
setInterval(() => undefined, 1000)
