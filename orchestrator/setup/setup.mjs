#!/usr/bin/env node
/**
 * Sets up a fresh checkout: npm packages, then the executor's Python environment. Nothing global is installed; what is
 * already right is left alone, so the second time takes a moment.
 *
 *   node orchestrator/setup/setup.mjs run    what `rowcast` itself needs
 *   node orchestrator/setup/setup.mjs dev    that, and what the tests and checks need
 *
 * Plain JavaScript, and nothing but Node's own modules: it runs under any Node from 20, before the project's own is there.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const VENV = join(ROOT, 'executor', '.venv')
const BIN = process.platform === 'win32' ? 'Scripts' : 'bin'
const PYTHONS = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']

class Missing extends Error {}

function say(text) {
  process.stderr.write(`${text}\n`)
}

/** Runs a command; on failure throws with the end of what it printed. */
function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let tail = ''
    const keep = (data) => {
      tail = (tail + data).slice(-4000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => reject(new Missing(`cannot run ${command}: ${error.message}`)))
    child.on('close', (code) =>
      code === 0 ? resolve(tail) : reject(new Missing(`${command} ${args[0]} failed:\n${tail.trim()}`)),
    )
  })
}

async function step(title, current, work) {
  if (current()) return
  const start = Date.now()
  const tty = process.stderr.isTTY
  const tick =
    tty && setInterval(() => process.stderr.write(`\r  ${title} … ${Math.round((Date.now() - start) / 1000)} s`), 500)
  if (!tty) say(`  ${title} …`)
  try {
    await work()
  } finally {
    if (tick) clearInterval(tick)
  }
  if (tty) process.stderr.write('\r')
  say(`  ${title}: done in ${((Date.now() - start) / 1000).toFixed(1)} s`)
}

function digest(...parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex')
}

const read = (path) => readFileSync(join(ROOT, path), 'utf8')
const stampIs = (path, value) => existsSync(path) && readFileSync(path, 'utf8') === value

function findPython() {
  const seen = []
  for (const name of PYTHONS) {
    const probe = spawnSync(
      name,
      ['-c', 'import sys, platform; print(sys.executable, *sys.version_info[:2], platform.machine())'],
      { encoding: 'utf8' },
    )
    if (probe.status !== 0) continue
    const [path, major, minor, machine] = probe.stdout.trim().split(' ')
    if (Number(major) === 3 && Number(minor) >= 11) return { path, version: `${major}.${minor} ${machine}` }
    seen.push(`${name} is ${major}.${minor}`)
  }
  throw new Missing(
    `Python 3.11 or newer is needed${seen.length ? ` (${seen.join(', ')})` : ', and no python3 was found'}.\n` +
      'Install it, for example: sudo apt-get install python3 python3-venv   (macOS: brew install python)',
  )
}

async function npmPackages(dev) {
  const modules = join(ROOT, 'node_modules')
  const stamp = join(modules, '.rowcast-setup')
  const want = digest(read('package.json'), read('package-lock.json'), process.platform, process.arch)
  const current = () => stampIs(stamp, `${want} dev`) || (!dev && stampIs(stamp, `${want} run`))
  await step(dev ? 'npm packages' : 'npm packages (run time only)', current, async () => {
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
    const options = ['--no-audit', '--no-fund', '--loglevel=error']
    // `npm install`, not `npm ci`: ci refuses a lock that lacks other platforms' optional binaries.
    await run(npm, ['install', ...(dev ? [] : ['--omit=dev']), ...options])
    // Node itself is a development dependency, so that who installs the published package does not get 200 MB of it.
    const node = JSON.parse(read('package.json')).devDependencies.node
    if (!dev) await run(npm, ['install', '--no-save', '--save-prod', '--omit=dev', ...options, `node@${node}`])
    writeFileSync(stamp, `${want} ${dev ? 'dev' : 'run'}`)
  })
}

async function pythonEnvironment(dev) {
  const python = findPython()
  const stamp = join(VENV, '.rowcast-setup')
  const lock = (name) => read(`executor/${name}`)
  const want = (name) => digest(lock(name), python.path, python.version)
  const wanted = dev ? 'requirements-dev.lock' : 'requirements.lock'
  const current = () =>
    stampIs(stamp, want('requirements-dev.lock')) || (!dev && stampIs(stamp, want('requirements.lock')))
  await step(`Python environment (${python.version})`, current, async () => {
    const inside = join(VENV, BIN, 'python')
    if (!existsSync(inside) || spawnSync(inside, ['-m', 'pip', '--version']).status !== 0) {
      rmSync(VENV, { recursive: true, force: true })
      await run(python.path, ['-m', 'venv', VENV]).catch((error) => {
        throw new Missing(
          `${error.message}\nPython's venv module is incomplete. For example: sudo apt-get install python3-venv`,
        )
      })
    }
    // uv comes from PyPI by its hash in the lock; then uv installs the rest.
    const uvLock = join(VENV, 'uv.requirements')
    mkdirSync(VENV, { recursive: true })
    writeFileSync(uvLock, /^uv==.*(?:\n .*)*\n/m.exec(lock('requirements.lock'))[0])
    await run(inside, [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--require-hashes',
      '-r',
      uvLock,
    ])
    const environment = { ...process.env, VIRTUAL_ENV: VENV }
    await run(
      join(VENV, BIN, 'uv'),
      ['pip', 'sync', '--quiet', '--require-hashes', '--python', inside, `executor/${wanted}`],
      { env: environment },
    )
    writeFileSync(stamp, want(wanted))
  })
}

async function main() {
  const mode = process.argv[2]
  if (mode !== 'run' && mode !== 'dev') {
    say('usage: node orchestrator/setup/setup.mjs run|dev')
    process.exit(2)
  }
  const [major] = process.versions.node.split('.').map(Number)
  if (major < 20)
    throw new Missing(
      `Node 20 or newer is needed to set up (this is ${process.versions.node}): see nodejs.org, or sudo apt-get install nodejs npm`,
    )
  const dev = mode === 'dev'
  await npmPackages(dev)
  await pythonEnvironment(dev)
}

main().catch((error) => {
  say(`setup: ${error instanceof Missing ? error.message : error.stack}`)
  process.exit(error instanceof Missing ? 3 : 1)
})
