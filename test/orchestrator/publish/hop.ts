import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP hop on loopback that loses replies: the server has done the work, the client never hears of it. */
export class Hop {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #lose: { pattern: string; resolve: () => void } | undefined
  #holding: Promise<void> | undefined

  private constructor(target: number) {
    this.#server = createServer((client) => this.#pair(client, connect(target, '127.0.0.1')))
  }

  static async start(target: number): Promise<Hop> {
    const hop = new Hop(target)
    hop.#server.listen(0, '127.0.0.1')
    await once(hop.#server, 'listening')
    return hop
  }

  get url(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Cuts the connection in place of delivering the next reply that contains `pattern`; resolves when it has. */
  loseReply(pattern: string): Promise<void> {
    return new Promise((resolve) => {
      this.#lose = { pattern, resolve }
    })
  }

  /** Everything to the server waits until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#holding = promise
    return () => {
      this.#holding = undefined
      resolve()
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #pair(client: Socket, server: Socket): void {
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    let order = Promise.resolve()
    client.on('data', (data) => {
      order = order.then(async () => {
        await this.#holding
        server.write(data)
      })
    })
    server.on('data', (data) => {
      const lose = this.#lose
      if (lose && data.includes(lose.pattern)) {
        this.#lose = undefined
        client.destroy()
        server.destroy()
        lose.resolve()
      } else client.write(data)
    })
  }
}
