import { describe, expect, it } from 'vitest'
import { DirectParser } from '../../../orchestrator/parse/direct.ts'
import { codes, connector, parse, parseEveryWay } from './support.ts'

const xsv = (columns: string[], parser: Record<string, unknown> = {}) =>
  connector({ parser: { type: 'xsv', ...parser }, columns })

describe('XSV', () => {
  it('reads columns by the names of the header, whatever their order, and ignores the others', () => {
    const { rows, totals } = parseEveryWay(xsv(['b long', 'a string']), 'x,a,b,y\n"p\nq",one,1,\n,two,2,"z,z"\n')
    expect(rows).toEqual([
      { b: 1, a: 'one' },
      { b: 2, a: 'two' },
    ])
    expect(totals).toMatchObject({ read: 2, blank: 0, unknown: ['x', 'y'], defaulted: [0, 0], truncated: false })
  })

  it('writes every column in schema order when the cells are in that order too', () => {
    expect(parseEveryWay(xsv(['a string', 'b long']), 'a,skipped,b\n1,"x ""y"" \n",2').text).toBe('{"a":"1","b":2}\n')
  })

  it('reads columns by position without a header', () => {
    expect(parseEveryWay(xsv(['a long', 'b string'], { headerLines: 0 }), '1,x\n2,y').text).toBe(
      '{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n',
    )
  })

  it('takes the names from the last of several header lines; blank and comment lines are none', () => {
    const input = '# by us\nA report\n\na,b\n#no row\n1,2\n'
    const { text, totals } = parseEveryWay(xsv(['b long'], { headerLines: 2, comment: '#' }), input)
    expect(text).toBe('{"b":2}\n')
    expect(totals).toMatchObject({ blank: 3, read: 1 })
  })

  it('takes off a byte order mark and counts it in offsets', () => {
    const { text, rejects } = parseEveryWay(xsv(['a long']), '\ufeffa\n1\nx\n')
    expect(text).toBe('{"a":1}\n')
    expect(rejects).toMatchObject([{ rowNumber: 2, line: 3, byteOffset: 7, column: 'a', code: 'row.value' }])
  })

  it.each(['', 'a', 'a\n', '\ufeff', 'a\r\n\r\n\n'])('finds no rows in %j', (input) => {
    expect(parseEveryWay(xsv(['a string']), input)).toMatchObject({ text: '', rejects: [], error: undefined })
  })

  it('tells an empty cell, which is null, from an empty text', () => {
    const { rows } = parseEveryWay(xsv(['a string', 'b string']), 'a,b\n,""\n"",\n')
    expect(rows).toEqual([
      { a: null, b: '' },
      { a: '', b: null },
    ])
  })

  it('knows other null values, unquoted and whole only', () => {
    const { rows } = parseEveryWay(
      xsv(['a string'], { nullValues: ['NA', 'N'] }),
      'a\nNA\n"NA"\nNAN\nN\r\nNo\n,\n'.replace(',\n', ''),
    )
    expect(rows.map(({ a }) => a)).toEqual([null, 'NA', 'NAN', null, 'No'])
    expect(parse(xsv(['a string', 'b string'], { nullValues: [] }), 'a,b\n,x').text).toBe('{"a":"","b":"x"}\n')
  })

  it('keeps a CR that does not end a row, and a quote that does not begin a cell', () => {
    const { rows } = parseEveryWay(xsv(['a string', 'b string']), 'a,b\nx\ry,a "b" c\r\n "p",q\r')
    expect(rows).toEqual([
      { a: 'x\ry', b: 'a "b" c' },
      { a: ' "p"', b: 'q\r' },
    ])
  })

  it('rejects text behind a closing quote, and only that row', () => {
    const { rows, rejects } = parseEveryWay(xsv(['a string', 'b long']), 'a,b\n"x"y,1\n"x\n"" ,",2\n"p""\n"q,3\nr,4\n')
    expect(rows).toEqual([
      { a: 'x\n" ,', b: 2 },
      { a: 'r', b: 4 },
    ])
    expect(
      rejects.map(({ code, line, rowNumber, raw }) => [code, line, rowNumber, Buffer.from(raw).toString()]),
    ).toEqual([
      ['row.quote', 2, 1, '"x"y,1'],
      ['row.quote', 5, 3, '"p""\n"q,3'],
    ])
  })

  it('fails the fragment on a quote that is never closed and says where it opened', () => {
    const { error } = parseEveryWay(xsv(['a string', 'b string']), 'a,b\n1,2\n"x\ny",z\n3,"4\n5,6\n')
    expect(error).toEqual({
      code: 'fragment.open_quote',
      message: 'the quote that opens at line 5, byte 18 is never closed',
    })
    expect(parseEveryWay(xsv(['a string']), '"a\n1').error?.code).toBe('fragment.open_quote')
  })

  it('rejects rows with too many or too few cells', () => {
    const { rows, rejects } = parseEveryWay(xsv(['a long', 'b long']), 'a,b\n1\n1,2\n1,2,3\n1,2,\n')
    expect(rows).toHaveLength(1)
    expect(rejects.map(({ code, message }) => [code, message])).toEqual([
      ['row.columns', '1 cell where 2 are needed'],
      ['row.columns', '3 cells where 2 are needed'],
      ['row.columns', '3 cells where 2 are needed'],
    ])
  })

  it.each([['a,b,c'], ['c,b,a']])('fills and drops cells with ragged: allow (%s)', (header) => {
    const of = connector({
      parser: { type: 'xsv', ragged: 'allow' },
      columns: [{ name: 'a', type: 'long', default: '7' }, 'b long', 'c long'],
    })
    const { rows, totals } = parseEveryWay(of, `${header}\n1\n1,2\n1,2,3,"x,\n",5\n`)
    const named = header.split(',')
    expect(rows).toEqual(
      [[1], [1, 2], [1, 2, 3]].map((cells) => ({
        a: cells[named.indexOf('a')] ?? 7,
        b: cells[named.indexOf('b')] ?? null,
        c: cells[named.indexOf('c')] ?? null,
      })),
    )
    expect(totals?.defaulted).toEqual([header === 'a,b,c' ? 0 : 2, 0, 0])
  })

  it('understands other delimiters, quotes and escapes', () => {
    const parser = { delimiter: '\t', quote: "'", escape: '\\' }
    const { rows, rejects } = parseEveryWay(
      xsv(['a string', 'b string'], parser),
      "a\tb\n'it\\'s \"\\\\\n'\t\\x\n'a''b'\tc\n",
    )
    expect(rows).toEqual([{ a: 'it\'s "\\\n', b: '\\x' }])
    expect(rejects.map(({ code }) => code)).toEqual(['row.quote'])
    const plain = parseEveryWay(xsv(['a string', 'b string'], { quote: '', delimiter: ';' }), 'a;b\n"x;y"\n')
    expect(plain.rows).toEqual([{ a: '"x', b: 'y"' }])
  })

  it('writes control bytes as JSON does', () => {
    const text = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join('')
    const { rows, text: ndjson } = parseEveryWay(xsv(['a string']), `a\n"${text}\x7f"\n`)
    expect(rows).toEqual([{ a: `${text}\x7f` }])
    expect(ndjson).toBe(`${JSON.stringify({ a: `${text}\x7f` })}\n`)
  })

  it('rejects only the rows that are no UTF-8', () => {
    const input = Buffer.concat([
      Buffer.from('a,b\né,1\n'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from(',2\n日本,x\n'),
      Buffer.from([0xe6, 0x97]),
      Buffer.from(',3\n😀,4'),
    ])
    const { rows, rejects } = parseEveryWay(xsv(['a string', 'b long']), input)
    expect(rows.map(({ a }) => a)).toEqual(['é', '😀'])
    expect(rejects.map(({ code, line, rowNumber }) => [code, line, rowNumber])).toEqual([
      ['row.encoding', 3, 2],
      ['row.value', 4, 3],
      ['row.encoding', 5, 4],
    ])
  })

  it('passes over a row that is too long, as a stream', () => {
    const long = `"${'x,\n'.repeat(400)}"`
    const input = `a,b\n1,x\n2,${long}\n3,y\n${'9'.repeat(999)},z\n4,${'w'.repeat(95)}\n5,${'w'.repeat(98)}\n`
    const { rows, rejects, totals } = parseEveryWay(xsv(['a long', 'b string']), input, { maxRecordBytes: 100 })
    expect(rows.map(({ a }) => a)).toEqual([1, 3, 4])
    expect(rejects.map(({ code, line, rowNumber, truncated }) => [code, line, rowNumber, truncated])).toEqual([
      ['row.too_long', 3, 2, true],
      ['row.too_long', 405, 4, true],
      ['row.too_long', 407, 6, true],
    ])
    expect(totals?.read).toBe(6)
    expect(parseEveryWay(xsv(['a long', 'b string']), `a,b\n1,"${long}`, { maxRecordBytes: 100 }).error?.code).toBe(
      'fragment.open_quote',
    )
    expect(parseEveryWay(xsv(['a string']), `${'a'.repeat(200)}\n1\n`, { maxRecordBytes: 100 }).error?.code).toBe(
      'fragment.limit',
    )
  })

  it('rejects a row that is too long to be published', () => {
    const { rows, rejects } = parseEveryWay(xsv(['a string']), 'a\nshort\n\x01\x02\x03\x04\x05\n', { maxRowBytes: 20 })
    expect(rows).toHaveLength(1)
    expect(rejects).toMatchObject([{ code: 'row.too_long', column: null }])
  })

  it('keeps at most 16 KiB of a rejected record', () => {
    const { rejects } = parse(xsv(['a long']), `a\n${'x'.repeat(20_000)}\n`)
    expect(rejects).toMatchObject([{ truncated: true }])
    expect(rejects[0]!.raw).toHaveLength(16_384)
    expect(rejects[0]!.message.length).toBeLessThanOrEqual(200)
  })

  it('cuts frames at row ends and carries the unfinished one from chunk to chunk', () => {
    const lines = Array.from({ length: 500 }, (_, i) => `${i},${'v'.repeat(i % 40)}`)
    const input = `a,b\n${lines.join('\n')}\n`
    const { frames, rows } = parse(
      xsv(['a long', 'b string']),
      input,
      Array.from({ length: 900 }, (_, i) => i * 10 + 5),
      { frameBytes: 1000 },
    )
    expect(rows.map(({ a }) => a)).toEqual(lines.map((_, i) => i))
    for (const { bytes } of frames.slice(0, -1)) {
      expect(bytes.length).toBeGreaterThanOrEqual(1000)
      expect(bytes.length).toBeLessThan(1100)
    }
  })

  it('gives out rows long before the end', () => {
    const of = connector({ columns: ['a long', 'b string'] })
    const seen: number[] = []
    const parser = new DirectParser(of, { maxRowBytes: 1e6, frameBytes: 1000 }, ({ rows }) => seen.push(rows))
    const input = Buffer.from(`a,b\n${Array.from({ length: 100 }, (_, i) => `${i},"${'x'.repeat(9000)}"\n`).join('')}`)
    // Every piece ends inside of a row.
    for (let at = 0; at < input.length; at += 5003) void parser.push(input.subarray(at, at + 5003))
    expect(seen.length).toBeGreaterThan(95)
  })

  it('grows the output when rows are far larger than their source', () => {
    const input = `a\n${'\x01\x02\x03\n'.repeat(60_000)}`
    const { totals } = parse(xsv([`${'a'}`], {}), input)
    expect(totals).toMatchObject({ published: 60_000, rejected: 0 })
  })

  it('takes more rows than the limit for none', () => {
    const { rows, totals } = parseEveryWay(xsv(['a string']), 'a\n1\n2\n3\n', { maxRows: 2 })
    expect(rows).toHaveLength(2)
    expect(totals?.truncated).toBe(true)
    expect(parseEveryWay(xsv(['a string']), 'a\n1\n2\n\n', { maxRows: 2 }).totals?.truncated).toBe(false)
  })

  it('uses the same parser for fragment after fragment, whatever became of the last', () => {
    const of = xsv(['a long'])
    expect(parse(of, 'b\n1').error?.code).toBe('fragment.missing_column')
    expect(parse(of, 'a\n1').text).toBe('{"a":1}\n')
  })
})

describe('XSV columns that are missing', () => {
  it('fails the fragment and shows the nearest name', () => {
    const { error } = parseEveryWay(xsv(['elevation long']), 'icao,elevatoin,name\n1,2,3\n')
    expect(error).toEqual({
      code: 'fragment.missing_column',
      message:
        'column "elevation": the header has no "elevation"; the nearest is "elevatoin". It has "icao", "elevatoin", "name"',
    })
    expect(parseEveryWay(xsv(['a long']), 'a,b,a\n1,2,3\n').error?.message).toBe('column "a": the header has "a" twice')
  })

  it('takes an explicit default in every row', () => {
    const columns = [
      { name: 'x', type: 'long', default: '5' },
      { name: 'a', type: 'long' },
      { name: 'n', type: 'long', default: 'null' },
      { name: 'b', type: 'long' },
      { name: 'z', type: 'string', default: '"é"' },
    ]
    const { text, totals } = parseEveryWay(connector({ columns }), 'b,a\n1,2\n3,4\n')
    expect(text).toBe('{"x":5,"a":2,"n":null,"b":1,"z":"é"}\n{"x":5,"a":4,"n":null,"b":3,"z":"é"}\n')
    expect(totals?.defaulted).toEqual([2, 0, 2, 0, 2])
    const alone = connector({ columns: [columns[0]!] })
    expect(parseEveryWay(alone, 'b,a\n1,2\n3,4\n').text).toBe('{"x":5}\n{"x":5}\n')
  })
})

describe('what is invalid', () => {
  const of = (onInvalid: 'skip' | 'default' | 'null' | 'fail', more: object = {}) =>
    connector({ columns: [{ name: 'a', type: 'long', onInvalid, ...more }, 'b string'] })

  it('is rejected, defaulted or nulled, as on_invalid says', () => {
    const input = 'a,b\n1,x\ny,y\n,z\n'
    expect(codes(parseEveryWay(of('skip'), input))).toEqual(['row.value'])
    expect(parseEveryWay(of('null'), input).rows.map(({ a }) => a)).toEqual([1, null, null])
    const defaulted = parseEveryWay(of('default', { default: '-1' }), input)
    expect(defaulted.rows.map(({ a }) => a)).toEqual([1, -1, -1])
    expect(defaulted.totals?.defaulted).toEqual([2, 0])
    expect(parseEveryWay(of('default'), input).rows.map(({ a }) => a)).toEqual([1, null, null])
  })

  it('fails the fragment with row, line, column and value', () => {
    expect(parseEveryWay(of('fail'), 'a,b\n\n1,x\ny,"z"\n').error).toEqual({
      code: 'fragment.value',
      message:
        'row 2, line 4, column "a": row.value: "y" is no long; expected digits, with or without a sign (on_invalid: fail)',
    })
  })

  it('counts null as invalid where it is not allowed', () => {
    expect(codes(parseEveryWay(of('skip', { nullable: false }), 'a,b\n,x\n1,y\n'))).toEqual(['row.null'])
    const { rows } = parseEveryWay(of('default', { nullable: false, default: '0' }), 'a,b\n,x\nq,y\n')
    expect(rows.map(({ a }) => a)).toEqual([0, 0])
  })

  it('does not count the defaults of a row that is rejected', () => {
    const both = connector({ columns: [{ name: 'a', type: 'long', onInvalid: 'default', default: '0' }, 'b long'] })
    expect(parseEveryWay(both, 'a,b\nx,y\nx,1\n').totals).toMatchObject({
      defaulted: [1, 0],
      rejected: 1,
      published: 1,
    })
  })

  it('fails the fragment with more rejects than max, at once', () => {
    const few = connector({ columns: ['a long'], rejects: { max: 2 } })
    expect(parseEveryWay(few, 'a\nx\nx\n1\n').totals?.rejected).toBe(2)
    const { error } = parseEveryWay(few, `a\nx\ny\nz\n${'1\n'.repeat(10)}`)
    expect(error?.code).toBe('fragment.rejects')
    expect(error?.message).toContain('more than rejects.max 2; the last: row 3, line 4: row.value: "z"')
  })

  it('fails the fragment with more rejects than max_percent, at its end, rounded up', () => {
    const percent = connector({ columns: ['a long'], rejects: { maxPercent: 10 } })
    expect(parseEveryWay(percent, 'a\nx\n1\n1\n').error).toBeUndefined()
    expect(parseEveryWay(percent, 'a\nx\nx\n1\n').error?.code).toBe('fragment.rejects')
    expect(parseEveryWay(percent, 'a\n').error).toBeUndefined()
  })

  it('fails a fragment that is larger than its limit', () => {
    const small = connector({ columns: ['a long'], fragmentBytes: 10 })
    expect(parseEveryWay(small, 'a\n1234567\n').error).toBeUndefined()
    expect(parseEveryWay(small, 'a\n12345678\n').error?.code).toBe('fragment.limit')
  })
})
