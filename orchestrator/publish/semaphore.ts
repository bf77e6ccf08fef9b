/** First come, first served. */
export class Semaphore {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(permits: number) {
    this.#free = permits
  }

  async acquire(): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  release(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}

/** Something to wait for that happens again and again. */
export class Signal {
  #waiting = Promise.withResolvers<void>()

  wait(): Promise<void> {
    return this.#waiting.promise
  }

  fire(): void {
    this.#waiting.resolve()
    this.#waiting = Promise.withResolvers<void>()
  }
}
