import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SecretScanner, secretForms } from '../../../orchestrator/recording/secrets.ts'
import { PYTHON } from '../../support/cli.ts'

const EXECUTOR = join(import.meta.dirname, '../../../executor')
const SCRIPT =
  'import json, sys\nfrom rowcast._child.redact import _forms\nprint(json.dumps([sorted(_forms(one)) for one in json.load(sys.stdin)]))'

/** What the executor cuts out of logs for these credentials. */
function formsOfExecutor(credentials: string[]): string[][] {
  const output = execFileSync(PYTHON, ['-c', SCRIPT], {
    input: JSON.stringify(credentials),
    env: { PYTHONPATH: EXECUTOR, PYTHONUTF8: '1' },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  return JSON.parse(output)
}

const CREDENTIALS = [
  '',
  'short',
  'hunter22',
  'pa"ss\\wörd/+ &~',
  "it's one",
  'it\'s "both"',
  'multi-one\nmulti-two\r\nmulti-three\u2028multi-four',
  '  padded secret  ',
  'tab\there\x7f\x00\x1b\x85\u00a0\u200b',
  'emoji 🎈🎈 and 日本語の鍵',
  JSON.stringify({ user: 'bob', auth: [{ password: 'päss wörd', url: 'https://x.example/a?b=c' }], n: 12345678 }),
  JSON.stringify('a whole JSON text'),
  '{"not": "JSON"',
]

describe('the forms of a secret', () => {
  it('are those that the executor cuts out of logs', () => {
    const theirs = formsOfExecutor(CREDENTIALS)
    for (const [at, one] of CREDENTIALS.entries())
      expect(new Set(secretForms(one).map(String)), JSON.stringify(one)).toEqual(new Set(theirs[at]))
  })

  it('are the same for any text', () => {
    // Not of all Unicode: the two know other versions of it, and so what is printable.
    const unit = fc.constantFrom(...'abcXYZ019-_.~/+&=% \'"\\\n\r\t\v\f\x00\x1c\x7f\x85\u00a0éß日本\u2028\u200b🎈')
    const text = fc.string({ unit, maxLength: 30 })
    const texts = fc.sample(
      fc.oneof(
        text,
        fc.array(text).map((all) => JSON.stringify(all)),
      ),
      500,
    )
    texts.push(...fc.sample(text, 100).map((one) => JSON.stringify({ a: one, b: [one, 5] })))
    const theirs = formsOfExecutor(texts)
    for (const [at, one] of texts.entries())
      expect(new Set(secretForms(one).map(String)), JSON.stringify(one)).toEqual(new Set(theirs[at]))
  })
})

describe('the scanner', () => {
  it('finds a secret wherever the bytes are cut', () => {
    const forms = secretForms('hunter22')
    const text = Buffer.from(`${'x'.repeat(100)}aHVudGVyMjI=${'y'.repeat(50)}`)
    for (let size = 1; size <= text.length; size++) {
      const scanner = new SecretScanner(forms)
      const found: (number | undefined)[] = []
      for (let at = 0; at < text.length; at += size) found.push(scanner.push(text.subarray(at, at + size)))
      expect(
        found.find((at) => at !== undefined),
        `cut every ${size}`,
      ).toBe(100)
    }
  })

  it('finds nothing where there is nothing, or no secret', () => {
    expect(new SecretScanner(secretForms('hunter22')).push(Buffer.from('hunter2 hunter 22'))).toBeUndefined()
    expect(new SecretScanner(secretForms('')).push(Buffer.from('anything'))).toBeUndefined()
  })
})
