/** Fragments parsed in this thread, for tests and small tools: the same classes that the workers run. */
import type { ParsedFrame } from '../refresh/ports.ts'
import { FragmentParser } from './fragment.ts'
import { decodeFrames, Output } from './output.ts'
import { type Compilable, compile } from './program.ts'
import type { Limits } from './rows.ts'
import { type Engine, engine } from './wasm/engine.ts'

export type Sink = (frame: ParsedFrame) => void

export class DirectParser {
  private readonly out = new Output()
  private readonly parser: FragmentParser
  private readonly columns: number
  private readonly sink: Sink

  /** `wasm`: null for TypeScript alone. */
  constructor(connector: Compilable, limits: Limits, sink: Sink, wasm: Engine | null = engine()) {
    this.parser = new FragmentParser(compile(connector), this.out, limits, () => this.turn(), wasm)
    this.columns = connector.columns.length
    this.sink = sink
    this.reset(0)
  }

  /** Begins the next fragment, whatever became of the last. */
  reset(fragment: number): void {
    this.out.begin(0)
    this.parser.begin(fragment)
  }

  /** A promise when the format takes time, as compressed ones do. */
  push(chunk: Uint8Array): void | Promise<void> {
    this.out.begin(chunk.length)
    this.parser.resume()
    const pushing = this.parser.push(chunk)
    if (pushing) return pushing.then(() => this.answer())
    this.answer()
  }

  /** The last frame has the totals, or the error. */
  end(): void | Promise<void> {
    this.out.begin(0)
    this.parser.resume()
    const ending = this.parser.end()
    if (ending) return ending.then(() => this.drain())
    this.drain()
  }

  private answer(): void {
    this.parser.suspend()
    this.drain()
  }

  /** The Room of the parser's steps: the sink is always ready. */
  private turn(): void {
    this.answer()
    this.out.begin(0)
    this.parser.resume()
  }

  private drain(): void {
    for (const frame of decodeFrames(this.out.take(), this.columns)) this.sink(frame)
  }
}
