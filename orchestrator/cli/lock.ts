/** rowcast lock DIR: writes connector.lock, so that every machine installs the same packages. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DefinitionError } from '../errors.ts'
import { type Output, plural } from './output.ts'
import type { Parts } from './parts.ts'
import { resolveConnector } from './resolve.ts'

export async function lockCommand(parts: Parts, output: Output, target: string): Promise<number> {
  const connector = resolveConnector(parts, target)
  if (connector.pip.length === 0)
    throw new DefinitionError(
      `${connector.name} has no packages (pip: […]), so there is nothing to lock`,
      undefined,
      'config.usage',
    )
  const locker = await parts.openLocker()
  try {
    output.note(output.dim(`${connector.name}: resolving ${plural(connector.pip.length, 'requirement')}`))
    const lock = await locker.lock(connector.pip)
    const file = join(connector.dir, 'connector.lock')
    writeFileSync(file, lock)
    const packages = lock.match(/^[A-Za-z0-9][^\s=]*==/gm)?.length ?? 0
    output.line({ type: 'lock', connector: connector.name, file, packages })
    output.say(
      `${output.green('✓')} ${file}: ${plural(packages, 'package')}, with hashes; commit it with the connector`,
    )
    return 0
  } finally {
    await locker.close()
  }
}
