/** What a column may be called. */

export const MAX_NAME_BYTES = 255
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a name must not hold
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

export function isColumnName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= MAX_NAME_BYTES && !CONTROL.test(name) && name.isWellFormed()
}
