#!/usr/bin/env node
// `npx rowcast` from any Node: hands over to the project's own Node when the one that runs this is too old for TypeScript.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'
import { isBroken, speak } from '../setup/broken.mjs'

const args = process.argv.slice(2)
const node = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))
if (Number(process.versions.node.split('.')[0]) >= 24) {
  // Stripping types and compiling anew costs half of a short command: 0.65 CPU seconds of start-up, 0.39 from here (measured).
  module.enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/rowcast', import.meta.url)))
  try {
    await import('../main.ts')
  } catch (error) {
    if (!isBroken(error)) throw error
    process.exitCode = await speak(args, error.message.split('\n')[0])
  }
} else if (!existsSync(node)) {
  process.exitCode = await speak(args, 'its own Node is not there yet')
} else {
  // This file again, under that Node.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('close', (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code ?? 1)))
}
