/** What `rowcast` says when the program itself cannot be loaded, since npm packages are missing or of other versions. */
import { fileURLToPath } from 'node:url'
import { examineInstallation } from './installed.mjs'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** True for what a broken installation throws when the program is loaded. */
export function isBroken(error) {
  return (
    error instanceof SyntaxError ||
    /^ERR_(MODULE_NOT_FOUND|PACKAGE_|UNSUPPORTED_DIR_IMPORT|DLOPEN)/.test(error?.code ?? '')
  )
}

/** Speaks for the command line in the program's place; resolves with the exit code. */
export async function speak(argv, why) {
  if (!argv.includes('doctor')) {
    process.stderr.write(`rowcast: the installation is not complete (${why}); run: npm run setup\n`)
    return 3
  }
  const findings = await examineInstallation(ROOT, { external: Boolean(process.env['ROWCAST_EXECUTORS']) })
  const rest = `rowcast itself does not start (${why}), so executors, NATS and the state were not looked at`
  findings.push({ check: 'program', status: 'failed', message: rest, fix: 'npm run setup' })
  const count = (status) => findings.filter((finding) => finding.status === status).length
  const counts = { ok: count('ok'), warnings: count('warning'), failed: count('failed') }
  const json = argv.includes('--json')
  for (const finding of findings) {
    if (json) process.stdout.write(`${JSON.stringify({ type: 'finding', ...finding })}\n`)
    else
      process.stdout.write(
        `${finding.status === 'ok' ? '✓' : '✗'} ${finding.check}: ${finding.message}\n${finding.fix ? `    ${finding.fix}\n` : ''}`,
      )
  }
  if (json) process.stdout.write(`${JSON.stringify({ type: 'doctor', status: 'failed', ...counts })}\n`)
  else process.stdout.write(`${counts.ok} ok, ${counts.warnings} warnings, ${counts.failed} failed\n`)
  return 1
}
