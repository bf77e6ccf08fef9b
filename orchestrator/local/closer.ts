/** Closes in the reverse order of opening; the first error is thrown once all are closed. */
export class Closer {
  readonly #steps: (() => unknown)[] = []

  add<T>(part: T, close: (part: T) => unknown): T {
    this.#steps.push(() => close(part))
    return part
  }

  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  /** Runs `work`; when it throws, closes what it had opened. */
  static async open<T>(work: (closer: Closer) => Promise<T>): Promise<T & { close(): Promise<void> }> {
    const closer = new Closer()
    try {
      return { ...(await work(closer)), close: () => closer.close() }
    } catch (error) {
      await closer.close().catch(() => {})
      throw error
    }
  }
}

/** Waits for both, also when one fails: what the other opened must be closed. */
export async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b])
  return Promise.all([a, b])
}
