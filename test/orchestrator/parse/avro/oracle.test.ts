/** Promise 7, against two other readers: random schemas and records, value by value. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Column } from '../../../../orchestrator/connector/definition.ts'
import { chance, parse } from '../support.ts'
import { avro, file, python } from './support.ts'

const ORACLE = fileURLToPath(new URL('oracle.py', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'rowcast-avro-'))
afterAll(() => rmSync(dir, { recursive: true }))

describe('fastavro', { timeout: 60_000 }, () => {
  it('reads the same values', () => {
    const seed = process.env['ROWCAST_SEED'] ?? '1'
    const count = Number(process.env['ROWCAST_ROUNDS'] ?? 60)
    python(ORACLE, ['write', dir, seed, String(count)])
    const random = chance(Number(seed))
    let expected = 0
    for (let number = 0; number < count; number++) {
      const input = readFileSync(join(dir, `${number}.avro`))
      const own = rowsOf(input, [])
      const columns = own.columns
      const asJson = columns.map((column): Column => ({ ...column, type: { kind: 'json' }, nullable: true }))
      const variants = {
        own: own.text,
        reversed: rowsOf(input, [...columns].reverse()).text,
        some: rowsOf(input, columns.filter(() => random() < 0.5).concat(columns.at(-1)!)).text,
        json: rowsOf(input, asJson).text,
      }
      for (const [variant, text] of Object.entries(variants)) {
        writeFileSync(join(dir, `${number}.${variant}.ndjson`), text)
        for (const line of text.split('\n').filter(Boolean)) expected += Object.keys(JSON.parse(line)).length
      }
    }
    expect(Number(python(ORACLE, ['compare', dir]).toString())).toBe(expected)
    expect(expected).toBeGreaterThan(count * 50)
  })
})

function rowsOf(input: Uint8Array, columns: Column[]): { text: string; columns: Column[] } {
  const random = chance(input.length)
  const cuts = Array.from(input.keys()).filter((at) => at > 0 && random() < 0.02)
  const { text, rejects, error, frames } = parse(
    { ...avro(), columns, derivesColumns: columns.length === 0 },
    input,
    cuts,
  )
  expect({ error, rejects }).toEqual({ error: undefined, rejects: [] })
  return { text, columns: frames[0]?.derived ?? [] }
}

/** A schema, and values of it as avsc takes them, each with the text that it is to become. */
interface Case {
  schema: unknown
  values: fc.Arbitrary<[value: unknown, text: string]>
}

let names = 0
const scalar = <T>(schema: unknown, values: fc.Arbitrary<T>, text: (value: T) => string): Case => ({
  schema,
  values: values.map((value) => [value, text(value)]),
})
const text = fc.string({ unit: 'grapheme', maxLength: 8 })
const base64 = (bytes: Uint8Array) => `"${Buffer.from(bytes).toString('base64')}"`
const bytes = (size: fc.Arbitrary<number>) =>
  size.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }).map((b) => Buffer.from(b)))

const scalars = fc.constantFrom<() => Case>(
  () => scalar('null', fc.constant(null), () => 'null'),
  () => scalar('boolean', fc.boolean(), String),
  () => scalar('int', fc.integer(), String),
  () => scalar('long', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), String),
  () =>
    scalar('double', fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => (Object.is(n, -0) ? '-0' : String(n))),
  () => scalar('string', text, JSON.stringify),
  () => scalar('bytes', bytes(fc.nat(10)), base64),
  () => scalar({ type: 'fixed', name: `F${names++}`, size: 5 }, bytes(fc.constant(5)), base64),
  () =>
    scalar(
      { type: 'enum', name: `E${names++}`, symbols: ['A', 'B', 'C'] },
      fc.constantFrom('A', 'B', 'C'),
      JSON.stringify,
    ),
)

const { type } = fc.letrec<{ type: Case }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalars.map((make) => make()),
    tie('type')
      .filter(({ schema }) => takesBytes(schema))
      .map(({ schema, values }) => ({
        schema: { type: 'array', items: schema },
        values: fc
          .array(values, { maxLength: 4 })
          .map((all) => [all.map(([value]) => value), `[${all.map(([, each]) => each).join()}]`]),
      })),
    tie('type').map(({ schema, values }) => ({
      schema: { type: 'map', values: schema },
      values: fc.uniqueArray(fc.tuple(text, values), { selector: ([key]) => key, maxLength: 4 }).map((all) => {
        // Objects of JavaScript put keys that look like numbers first, and avsc writes what they say.
        const value = Object.fromEntries(all.map(([key, [each]]) => [`k${key}`, each]))
        return [value, `{${all.map(([key, [, each]]) => `${JSON.stringify(`k${key}`)}:${each}`).join()}}`]
      }),
    })),
    tie('type')
      .filter(({ schema }) => schema !== 'null' && !Array.isArray(schema))
      .map(({ schema, values }) => ({
        schema: ['null', schema],
        values: fc.option(values).map((each) => (each ? [{ [branchName(schema)]: each[0] }, each[1]] : [null, 'null'])),
      })),
    fc.array(tie('type'), { minLength: 1, maxLength: 5 }).map((all) => ({
      schema: {
        type: 'record',
        name: `R${names++}`,
        fields: all.map(({ schema }, at) => ({ name: `f${at}`, type: schema })),
      },
      values: fc
        .tuple(...all.map(({ values }) => values))
        .map((each) => [
          Object.fromEntries(each.map(([value], at) => [`f${at}`, value])),
          `{${each.map(([, text], at) => `"f${at}":${text}`).join()}}`,
        ]),
    })),
  ) as fc.Arbitrary<Case>,
}))

function takesBytes(schema: unknown): boolean {
  if (typeof schema === 'string') return schema !== 'null'
  const { fields } = schema as { fields?: { type: unknown }[] }
  return !fields || fields.some(({ type }) => takesBytes(type))
}

function branchName(schema: unknown): string {
  if (typeof schema === 'string') return schema
  const { type, name } = schema as { type: string; name?: string }
  return name ?? type
}

describe('avsc', { timeout: 60_000 }, () => {
  it('writes what we read', () => {
    const files = type.chain(({ schema, values }) =>
      fc.tuple(fc.constant(schema), fc.array(values, { maxLength: 6 }), fc.integer({ min: 1, max: 3 })),
    )
    fc.assert(
      fc.property(files, ([schema, all, perBlock]) => {
        const row = {
          type: 'record',
          name: 'Row',
          fields: [
            { name: 'id', type: 'int' },
            { name: 'x', type: schema },
          ],
        }
        const input = file(
          structuredClone(row),
          all.map(([x], id) => ({ id, x })),
          { perBlock },
        )
        const { text, error } = parse(avro(['x json', 'id int']), input)
        expect(error).toBeUndefined()
        expect(text).toBe(all.map(([, x], id) => `{"x":${x},"id":${id}}\n`).join(''))
      }),
      { numRuns: 500 },
    )
  })
})
