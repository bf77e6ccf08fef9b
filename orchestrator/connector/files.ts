/** Whether there is a file or folder of that name; what cannot be looked at is none. */
import { type Stats, statSync } from 'node:fs'

export function isFile(path: string): boolean {
  return look(path)?.isFile() ?? false
}

export function isFolder(path: string): boolean {
  return look(path)?.isDirectory() ?? false
}

/** Catches, because `throwIfNoEntry: false` still throws for `file.py/connector.yaml` before Node 26. */
function look(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}
