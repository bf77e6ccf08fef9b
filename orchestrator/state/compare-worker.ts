/** Runs one comparison in a thread of its own: the index of a million names alone would block the event loop for a second. */
import { parentPort, workerData } from 'node:worker_threads'
import { codeOf, messageOf } from '../errors.ts'
import { type CompareInput, compare } from './compare.ts'
import { openScratchFile } from './scratch.ts'

const { scratch, input } = workerData as { scratch: string; input: CompareInput }
const db = openScratchFile(scratch, 32_768)
try {
  parentPort?.postMessage({ compared: compare(db, input) })
} catch (error) {
  parentPort?.postMessage({ failed: { code: codeOf(error), message: messageOf(error) } })
} finally {
  db.close()
}
