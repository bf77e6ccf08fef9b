/** Fragments parsed in this thread, for tests and small tools: the same classes that the workers run. */
import type { Connector } from '../connector/definition.ts'
import type { ParsedFrame } from '../refresh/ports.ts'
import { FragmentParser } from './fragment.ts'
import { decodeFrames, Output } from './output.ts'
import { compile } from './program.ts'
import type { Limits } from './rows.ts'

export type Sink = (frame: ParsedFrame) => void

export class DirectParser {
  private readonly out = new Output()
  private readonly parser: FragmentParser
  private readonly columns: number
  private readonly sink: Sink

  constructor(
    connector: Pick<Connector, 'name' | 'parser' | 'columns' | 'rejects' | 'limits'>,
    limits: Limits,
    sink: Sink,
  ) {
    this.parser = new FragmentParser(compile(connector), this.out, limits)
    this.columns = connector.columns.length
    this.sink = sink
    this.reset(0)
  }

  /** Begins the next fragment, whatever became of the last. */
  reset(fragment: number): void {
    this.out.begin(0)
    this.parser.begin(fragment)
  }

  push(chunk: Uint8Array): void {
    this.out.begin(chunk.length)
    this.parser.resume()
    this.parser.push(chunk)
    this.parser.suspend()
    this.drain()
  }

  /** The last frame has the totals, or the error. */
  end(): void {
    this.out.begin(0)
    this.parser.resume()
    this.parser.end()
    this.drain()
  }

  private drain(): void {
    for (const frame of decodeFrames(this.out.take(), this.columns)) this.sink(frame)
  }
}
