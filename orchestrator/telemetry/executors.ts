/** Executors as metrics see them: asked at each scrape, in bounded time. */

/** What the metrics of one executor are made of. */
export interface ExecutorSample {
  /** Its address, or `embedded`: installed names only, never free text. */
  executor: string
  pool: string
  /** undefined: it did not answer in time. */
  seen:
    | {
        sessions: number
        readers: number
        /** 0: no limit. */
        maxReaders: number
        isolationFull: boolean
      }
    | undefined
}

/** The part of the client that is asked. */
export interface Asked {
  look(options: { deadlineMs: number; tell: boolean }): Promise<
    {
      address: string
      info: { sessions: number; readers: number; maxReaders: number; isolation: 'full' | 'reduced' } | undefined
    }[]
  >
}

/** A scraper gives up after 10 s by default. */
const ANSWER_MS = 2_000
/** All executors of one orchestrator take any connector. */
const POOL = 'default'

/** Never throws. `configured`: the names of external executors; empty for the embedded one. */
export async function executorSamples(client: Asked, configured: string[]): Promise<ExecutorSample[]> {
  try {
    // Why isolation is reduced is free text: it goes to the log, never into a label.
    const looks = await client.look({ deadlineMs: ANSWER_MS, tell: true })
    return looks.map(({ address, info }) => ({
      executor: configured.length > 0 ? address : 'embedded',
      pool: POOL,
      seen: info && {
        sessions: info.sessions,
        readers: info.readers,
        maxReaders: info.maxReaders,
        isolationFull: info.isolation === 'full',
      },
    }))
  } catch {
    return configured.map((executor) => ({ executor, pool: POOL, seen: undefined }))
  }
}
