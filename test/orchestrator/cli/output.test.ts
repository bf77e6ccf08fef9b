import { expect, it } from 'vitest'
import { Output, plural, size, table } from '../../../orchestrator/cli/output.ts'
import { AuthorError } from '../../../orchestrator/errors.ts'

function capture(options: { json?: boolean; quiet?: boolean; tty?: boolean } = {}) {
  const written = { out: '', err: '' }
  const streams = {
    out: (text: string) => {
      written.out += text
    },
    err: (text: string) => {
      written.err += text
    },
    tty: options.tty ?? false,
    color: false,
    columns: () => 80,
  }
  return { written, output: new Output(streams, { json: options.json ?? false, quiet: options.quiet ?? false }) }
}

it('keeps machines and people apart', () => {
  const json = capture({ json: true })
  json.output.say('hello')
  json.output.line({ type: 'x' })
  expect(json.written).toEqual({ out: '{"type":"x"}\n', err: '' })
  const plain = capture()
  plain.output.say('hello')
  plain.output.line({ type: 'x' })
  expect(plain.written.out).toBe('hello\n')
})

it('shows an error by its code, then the author’s traceback', () => {
  const { written, output } = capture()
  output.error(new AuthorError('read.failed', 'no more paper', { traceback: 'connector.py, line 3' }), 'orders: ')
  expect(written.err).toBe('orders: read.failed: no more paper\n    connector.py, line 3\n')
})

it('writes progress over itself on a terminal, nothing elsewhere', () => {
  const terminal = capture({ tty: true })
  terminal.output.progress(() => '10 of 20', 1_000)
  terminal.output.progress(() => 'too soon', 1_050)
  terminal.output.progress(() => '20', 1_200)
  terminal.output.say('done')
  expect(terminal.written.err).toBe('\r10 of 20\r20      \r  \r')
  const pipe = capture()
  pipe.output.progress(() => 'x', 1_000)
  expect(pipe.written.err).toBe('')
})

it('speaks in the units people read', () => {
  expect([plural(1, 'row'), plural(28287, 'row')]).toEqual(['1 row', '28,287 rows'])
  expect([size(0), size(1023), size(1536), size(5 * 2 ** 30)]).toEqual(['0 B', '1023 B', '1.5 KiB', '5.0 GiB'])
  expect(
    table(
      ['name', 'rows'],
      [
        ['a', 1200],
        ['long name', 5],
      ],
    ),
  ).toBe('name       rows\na          1,200\nlong name      5')
})
