#!/usr/bin/env node
// `npx rowcast` from any Node: hands over to the project's own Node when the one that runs this is too old for TypeScript.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import('../main.ts')
} else {
  const node = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))
  if (!existsSync(node)) {
    process.stderr.write('rowcast: the checkout is not set up; run: npm run setup\n')
    process.exit(3)
  }
  const child = spawn(node, [fileURLToPath(new URL('../main.ts', import.meta.url)), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('close', (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code ?? 1)))
}
