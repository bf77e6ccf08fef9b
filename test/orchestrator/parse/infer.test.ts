import { describe, expect, it } from 'vitest'
import type { ColumnType } from '../../../orchestrator/connector/definition.ts'
import { formatType } from '../../../orchestrator/connector/types.ts'
import { convert } from '../../../orchestrator/parse/convert.ts'
import { Inference, readRecord, type Value } from '../../../orchestrator/parse/infer.ts'
import { compile } from '../../../orchestrator/parse/program.ts'
import { connector } from './support.ts'

/** The rules that a refresh has. */
function fits(text: string, type: ColumnType): boolean {
  const [column] = compile(connector({ columns: [`x ${formatType(type)}`] })).columns
  return typeof convert(column!, text) === 'string'
}

function guessTexts(texts: (string | null)[]): [type: string, reason: string] {
  const inference = new Inference((text, type, format) => format === undefined && fits(text, type), [])
  for (const text of texts) inference.add({ x: text }, true)
  const [guess] = inference.guesses()
  return [formatType(guess!.type), guess!.reason]
}

function guessJson(...records: string[]) {
  const inference = new Inference((text, type, format) => format === undefined && fits(text, type), [])
  for (const record of records) inference.add(readRecord(record) as { [key: string]: Value }, false)
  return Object.fromEntries(inference.guesses().map(({ name, type }) => [name, formatType(type)]))
}

describe('a proposed schema', () => {
  it.each<[type: string, texts: (string | null)[]]>([
    ['boolean', ['true', 'False', 'Y', 'no']],
    ['long', ['1', '0']],
    ['long', ['1', '-9223372036854775808', '+5']],
    ['decimal(19,0)', ['1', '9223372036854775808']],
    ['string', ['007', '12']],
    ['string', ['1'.repeat(39)]],
    ['double', ['1', '1.5', '.5', '-0.25']],
    ['double', ['1e5', '12345678901234567890']],
    ['decimal(16,2)', ['12345678901234.56', '1']],
    ['date', ['2024-02-29', '1970-01-01']],
    ['string', ['2023-02-29', '1970-01-01']],
    ['timestamp', ['2024-02-29T00:00:00Z', '2024-02-29 01:02:03.5+02:00']],
    ['string', ['2024-02-29', '2024-02-29T00:00:00Z']],
    ['string', ['1', 'x']],
    ['string', ['']],
    ['string', [null]],
    ['long', [null, '5', null]],
  ])('%s for %j', (type, texts) => {
    expect(guessTexts(texts)[0]).toBe(type)
  })

  it('leaves JSON values what they are, and reads days and moments out of texts', () => {
    expect(
      guessJson(
        '{"a":1,"b":1.5,"c":"12","d":true,"e":"2024-01-01","f":[1,2],"g":{"x":1,"y":"t"},"h":null,"i":[],"j":1}',
        '{"a":9007199254740993,"b":2,"c":"13","d":false,"e":"2024-01-02","f":[3.5],"g":{"x":2,"y":"u"},"h":null,"j":"x"}',
      ),
    ).toEqual({
      a: 'long',
      b: 'double',
      c: 'string',
      d: 'boolean',
      e: 'date',
      f: 'list<double>',
      g: 'struct{x: long, y: string}',
      h: 'string',
      i: 'list<string>',
      j: 'string',
    })
  })

  it('takes objects whose keys vary, and values of several kinds, as json', () => {
    const varied = Array.from({ length: 50 }, (_, index) => `{"m":{"k${index}":1},"x":${index % 2 ? '{}' : '[]'}}`)
    expect(guessJson(...varied)).toEqual({ m: 'json', x: 'json' })
  })

  it('counts nulls and missing values, and shows examples', () => {
    const inference = new Inference(() => false, [])
    inference.add(readRecord('{"a":"x"}') as { [key: string]: Value }, false)
    inference.add(readRecord('{"a":null,"b":1}') as { [key: string]: Value }, false)
    inference.add(readRecord('{"a":"y","b":12345678901234567890}') as { [key: string]: Value }, false)
    expect(inference.guesses()).toMatchObject([
      { name: 'a', values: 2, nulls: 1, examples: ['x', 'y'] },
      { name: 'b', values: 2, nulls: 1, examples: ['1', '12345678901234567890'] },
    ])
  })
})
