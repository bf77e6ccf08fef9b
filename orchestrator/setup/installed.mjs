/**
 * What of the installation is there, for `rowcast doctor`. Plain JavaScript, and nothing but Node's own modules: it has to
 * run where packages are missing.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const BIN = process.platform === 'win32' ? 'Scripts' : 'bin'
const SETUP = 'npm run setup'
/** Starting Python on a busy machine; a program that does not answer must not hold up the rest. */
const ANSWER_MS = 10_000
/** Versions of packages by name, as JSON; what cannot be imported is named too. */
const ASK_PYTHON = `
import importlib, importlib.metadata, json, platform
missing = {}
for name in ("grpc", "grpc_health.v1.health", "google.protobuf", "uv", "rowcast._server"):
    try:
        importlib.import_module(name)
    except BaseException as error:
        missing[name] = f"{type(error).__name__}: {error}"
found = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()}
print(json.dumps({"version": platform.python_version(), "missing": missing, "found": found}))
`

/**
 * @param {string} root folder of the checkout
 * @param {{ python: string, external: boolean }} options the executor's Python; whether executors run elsewhere, so that
 *   ours is not needed
 */
export async function examineInstallation(root, { python = join(root, 'executor', '.venv', BIN, 'python'), external }) {
  const worst = external ? 'warning' : 'failed'
  return [...examineNode(root), ...examinePackages(root), ...(await examinePython(root, python, worst))]
}

function examineNode(root) {
  const version = process.versions.node
  const own = existsSync(join(root, 'node_modules', '.bin', 'node'))
  if (Number(version.split('.')[0]) >= 24)
    return [{ check: 'node', status: 'ok', message: `Node ${version}, npm packages in ${join(root, 'node_modules')}` }]
  const message = `Node ${version} is too old for the program itself${own ? '; the checkout has its own' : ', and the checkout has not its own yet'}`
  return [{ check: 'node', status: own ? 'ok' : 'failed', message, ...(own ? {} : { fix: SETUP }) }]
}

function examinePackages(root) {
  let wanted
  try {
    wanted = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies
  } catch (error) {
    return [
      {
        check: 'packages',
        status: 'failed',
        message: `package.json cannot be read: ${error.message}`,
        fix: 'git checkout package.json',
      },
    ]
  }
  const wrong = Object.entries(wanted).flatMap(([name, version]) => {
    try {
      const found = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version
      return found === version ? [] : [`${name} is ${found}, not ${version}`]
    } catch {
      return [`${name} is missing`]
    }
  })
  const count = Object.keys(wanted).length
  if (wrong.length === 0)
    return [{ check: 'packages', status: 'ok', message: `${count} npm packages, as package.json wants them` }]
  return [{ check: 'packages', status: 'failed', message: `npm packages: ${wrong.join('; ')}`, fix: SETUP }]
}

async function examinePython(root, python, worst) {
  const failed = (check, message, fix = SETUP) => ({ check, status: worst, message, fix })
  if (!existsSync(python)) return [failed('python', `the executor's Python is not there: ${python}`)]
  const said = await run(python, ['-c', ASK_PYTHON], { PYTHONPATH: join(root, 'executor') })
  let answer
  try {
    answer = JSON.parse(said.out)
  } catch {
    return [failed('python', `${python} does not run: ${said.why}`)]
  }
  const { version, missing, found } = answer
  const findings = []
  const [major, minor] = version.split('.').map(Number)
  const broken = Object.entries(missing).map(([name, why]) => `${name} (${why})`)
  const other = differences(root, found)
  if (major !== 3 || minor < 11)
    findings.push(
      failed(
        'python',
        `Python ${version} is too old: 3.11 or newer is needed`,
        `install Python 3.11 or newer, remove executor/.venv, then: ${SETUP}`,
      ),
    )
  else if (broken.length > 0) findings.push(failed('python', `the executor's environment lacks ${broken.join('; ')}`))
  else if (other.length > 0)
    findings.push({
      check: 'python',
      status: 'warning',
      message: `the executor's environment is not that of requirements.lock: ${other.join('; ')}`,
      fix: SETUP,
    })
  else
    findings.push({
      check: 'python',
      status: 'ok',
      message: `Python ${version} with the executor's packages, as requirements.lock has them`,
    })
  const uv = await run(
    python,
    ['-c', 'import subprocess, sys, uv; sys.exit(subprocess.run([uv.find_uv_bin(), "--version"]).returncode)'],
    {},
  )
  if (uv.code === 0) findings.push({ check: 'uv', status: 'ok', message: uv.out.trim() })
  else findings.push(failed('uv', `uv, which makes the connectors' environments, does not run: ${uv.why}`))
  return findings
}

/** What is pinned, for any platform, and is there in another version, or should be there and is not. */
function differences(root, found) {
  let lock
  try {
    lock = readFileSync(join(root, 'executor', 'requirements.lock'), 'utf8')
  } catch {
    return ['requirements.lock cannot be read']
  }
  return [...lock.matchAll(/^([A-Za-z0-9._-]+)==([^\s;\\]+)([^\n]*)/gm)].flatMap(([, name, version, rest]) => {
    const there = found[name.toLowerCase().replaceAll('_', '-')]
    if (there === version || (there === undefined && rest.includes(';'))) return []
    return [`${name} is ${there ?? 'missing'}, not ${version}`]
  })
}

function run(program, args, more) {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], GRPC_ENABLE_FORK_SUPPORT: '0', ...more }
    const child = spawn(program, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: ANSWER_MS,
      killSignal: 'SIGKILL',
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (data) => {
      out = (out + data).slice(0, 1 << 20)
    })
    child.stderr.on('data', (data) => {
      err = (err + data).slice(-2000)
    })
    child.on('error', (error) => resolve({ code: -1, out, why: error.message }))
    child.on('close', (code, signal) =>
      resolve({
        code: code ?? -1,
        out,
        why: signal ? `no answer within ${ANSWER_MS / 1000} s` : err.trim().split('\n').at(-1) || `exit ${code}`,
      }),
    )
  })
}
