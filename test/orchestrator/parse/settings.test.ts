/** Words of booleans, encodings of binaries: what each takes, the same wherever its text stands. */
import { describe, expect, it } from 'vitest'
import { cast, codes, connector, parse, parseEveryWay } from './support.ts'

describe('true_values and false_values', () => {
  const words = { type: 'boolean', trueValues: ['J', 'oui', '2', 'ß'], falseValues: ['N', 'non', '', 'ja nein'] }

  it.each(
    Object.entries({
      J: 'true',
      j: 'true',
      OUI: 'true',
      2: 'true',
      ß: 'true',
      n: 'false',
      'Ja Nein': 'false',
      '': 'false',
      true: 'row.value',
      1: 'row.value',
      y: 'row.value',
      jj: 'row.value',
      no: 'row.value',
      ' J': 'row.value',
    }),
  )('%j → %s', (text, expected) => {
    expect(cast(words, text)).toBe(expected)
    // What is nothing but spaces is null in a cell, and a text in JSON.
    if (text !== '') expect(cast({ ...words, trim: true }, ` ${text}\t`)).toBe(text === ' J' ? 'true' : expected)
  })

  it("reads JSON's own true and false, whatever the words, and numbers as their text", () => {
    const of = connector({ parser: { type: 'json' }, columns: [{ name: 'v', ...words }] })
    const { text, rejects } = parseEveryWay(of, '{"v":true}{"v":false}{"v":2}{"v":1}{"v":null}')
    expect(text).toBe('{"v":true}\n{"v":false}\n{"v":true}\n{"v":null}\n')
    expect(rejects.map(({ rowNumber, message }) => [rowNumber, message])).toEqual([
      [4, '"1" is no boolean; expected J, oui, 2, ß or N, non, , ja nein'],
    ])
    const list = connector({ parser: { type: 'json' }, columns: [{ name: 'v', ...words, type: 'list<boolean>' }] })
    expect(parse(list, '{"v":[true,false,"J",2]}').text).toBe('{"v":[true,false,true,true]}\n')
  })

  it('takes the word that is the whole cell, not one that begins it', () => {
    const of = connector({ columns: [{ name: 'v', type: 'boolean', trueValues: ['j', 'j,a'], falseValues: ['ja'] }] })
    expect(parseEveryWay(of, 'v\nja\nj\n"j,a"\n"ja"\n').text).toBe('{"v":false}\n{"v":true}\n{"v":true}\n{"v":false}\n')
  })
})

describe('encoding', () => {
  it.each([
    ['base64', '+/8=', '"+/8="'],
    ['base64', '-_8=', 'row.value'],
    ['base64', '+/8', 'row.value'],
    ['base64url', '-_8', '"+/8="'],
    ['base64url', '-_8=', '"+/8="'],
    ['base64url', '-_8==', 'row.value'],
    ['base64url', '+/8', 'row.value'],
    ['base64url', '-_9', 'row.value'],
    ['base64url', 'A', 'row.value'],
    ['base64url', '', '""'],
    ['hex', 'fBfF', '"+/8="'],
    ['hex', 'fbf', 'row.value'],
    ['hex', '0xfb', 'row.value'],
    ['hex', 'fb ff', 'row.value'],
    ['hex', '', '""'],
    ['utf8', 'ü"\n', '"w7wiCg=="'],
    ['utf8', ' ', '"IA=="'],
    ['utf8', '12', '"MTI="'],
  ] as const)('%s: %j → %s', (encoding, text, expected) => {
    expect(cast({ type: 'binary', encoding }, text)).toBe(expected)
  })

  it('says what was expected', () => {
    const of = connector({ columns: [{ name: 'v', type: 'binary', encoding: 'hex' }] })
    expect(parse(of, 'v\nxy\n').rejects[0]?.message).toBe('"xy" is no binary; expected two hex digits a byte')
  })

  it('utf8 refuses half a character', () => {
    const of = connector({ parser: { type: 'json' }, columns: [{ name: 'v', type: 'binary', encoding: 'utf8' }] })
    expect(codes(parse(of, '{"v":"\\ud800"}'))).toEqual(['row.json'])
  })
})

describe('a fast grammar ends where the cell ends', () => {
  it.each([
    ['a comma for delimiter and decimal separator', 'double', { decimalSeparator: ',' }, ',', '1,5', '{"v":1,"w":"5"}'],
    ['a comma for both, quoted', 'double', { decimalSeparator: ',' }, ',', '"1,5",x', '{"v":1.5,"w":"x"}'],
    ['a comma in a decimal', 'decimal(5,2)', { decimalSeparator: ',' }, ',', '1,5', '{"v":"1","w":"5"}'],
    ['a minus', 'int', {}, '-', '1-2', '{"v":1,"w":"2"}'],
    ['a letter', 'boolean', {}, 'r', 'tr1', '{"v":true,"w":"1"}'],
    [
      'a space, a format with one',
      'timestamp',
      { format: ['dd.MM.yyyy[ HH:mm]'] },
      ' ',
      '31.01.2024 10:00',
      '{"v":"2024-01-31T00:00:00Z","w":"10:00"}',
    ],
    [
      'a comma, a format with one',
      'date',
      { format: ['MMM d[, yyyy][ yyyy]'] },
      ',',
      'Jan 5 2024, 2023',
      '{"v":"2024-01-05","w":" 2023"}',
    ],
    [
      'a comma in quotes, a format with one',
      'date',
      { format: ['MMM d, yyyy'] },
      ',',
      '"Jan 5, 2024",x',
      '{"v":"2024-01-05","w":"x"}',
    ],
    [
      'a slash, a format with zones',
      'timestamp',
      { format: ['yyyy-MM-dd VV'] },
      '/',
      '2024-01-31 UTC/x',
      '{"v":"2024-01-31T00:00:00Z","w":"x"}',
    ],
  ])('%s', (_, type, more, delimiter, row, expected) => {
    const of = connector({
      parser: { type: 'xsv', delimiter, headerLines: 0 },
      columns: [{ name: 'v', type, ...more }, 'w string'],
    })
    expect(parseEveryWay(of, `${row}\n`)).toMatchObject({ text: `${expected}\n`, rejects: [] })
  })
})
