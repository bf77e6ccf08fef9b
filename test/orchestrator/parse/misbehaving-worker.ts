/** The real parser thread, but for input that says otherwise: HANG never answers, EXIT and THROW end the thread. */
import { parentPort } from 'node:worker_threads'

parentPort!.on('message', (message: { kind: string; bytes?: Uint8Array }) => {
  if (message.kind !== 'data') return
  const text = Buffer.from(message.bytes!).toString('latin1')
  if (text.includes('HANG')) for (;;);
  if (text.includes('EXIT')) process.exit(7)
  if (text.includes('THROW')) {
    // The real listener is still called, and would answer before the thread dies.
    message.kind = 'none'
    throw new Error('thrown on purpose')
  }
})

await import('../../../orchestrator/parse/worker.ts')
