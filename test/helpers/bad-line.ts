import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Random } from './seed.ts'

/** What a line does to the bytes on it. */
export interface LineFaults {
  /** Milliseconds that every byte is on its way, in each direction. */
  readonly delay?: number | undefined
  readonly bytesPerSecond?: number | undefined
  /** Of so many pieces one is lost and sent again: it, and all behind it, come later by a retransmission. */
  readonly lossOneIn?: number | undefined
  readonly random?: Random | undefined
  /** For each connection in turn: bytes towards the server after which it is reset. */
  readonly resets?: readonly number[] | undefined
  /** For each connection in turn: bytes towards the server after which nothing moves any more, though it stays open. */
  readonly stalls?: readonly number[] | undefined
}

export interface BadLine extends AsyncDisposable {
  readonly port: number
  /** Connections that were reset or went dead up to now. */
  readonly broken: number
}

const segment = 1400
const retransmission = 250

/** A line to a port of this machine that is slow, loses packets, is cut or goes dead. */
export async function openBadLine(to: number, faults: LineFaults = {}): Promise<BadLine> {
  const line = new Line(to, faults)
  await line.listen()
  return line
}

class Line implements BadLine {
  port = 0
  broken = 0
  readonly #to: number
  readonly #faults: LineFaults
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #resets: number[]
  readonly #stalls: number[]

  constructor(to: number, faults: LineFaults) {
    this.#to = to
    this.#faults = faults
    this.#resets = [...(faults.resets ?? [])]
    this.#stalls = [...(faults.stalls ?? [])]
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#join(near))
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.port = (this.#server.address() as { readonly port: number }).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(near: Socket): void {
    const far = connect({ port: this.#to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    near.setNoDelay(true)
    const ends = [near, far]
    for (const socket of ends) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        for (const end of ends) end.destroy()
      })
    }
    const fate = this.#nextFate()
    let isDead = false
    const onBytes = (total: number) => {
      if (isDead || total < fate.after) return
      isDead = true
      this.broken++
      if (fate.isReset) for (const end of ends) end.resetAndDestroy()
    }
    void this.#carry(near, far, { isDead: () => isDead, onBytes })
    void this.#carry(far, near, { isDead: () => isDead, onBytes: () => undefined })
  }

  #nextFate(): { readonly after: number; readonly isReset: boolean } {
    const reset = this.#resets.shift()
    if (reset !== undefined) return { after: reset, isReset: true }
    return { after: this.#stalls.shift() ?? Infinity, isReset: false }
  }

  /** Takes no more than the line carries, so that the sender feels how slow it is. */
  async #carry(
    from: Socket,
    to: Socket,
    { isDead, onBytes }: { readonly isDead: () => boolean; readonly onBytes: (total: number) => void },
  ): Promise<void> {
    const { delay = 0, bytesPerSecond = Infinity } = this.#faults
    let total = 0
    let free = performance.now()
    let arriving = Promise.resolve() // in the order of sending
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (isDead()) await new Promise(() => undefined)
        free = Math.max(free, performance.now()) + (chunk.length / bytesPerSecond) * 1000 + this.#lost(chunk.length)
        const arrival = free + delay
        arriving = arriving.then(() => sleepUntil(arrival)).then(() => void (isDead() || to.write(chunk)))
        await sleepUntil(free)
        total += chunk.length
        onBytes(total)
      }
      await arriving
      to.end()
    } catch {
      // It was cut; the other end is told by its own socket.
    }
  }

  #lost(bytes: number): number {
    const { lossOneIn, random } = this.#faults
    if (lossOneIn === undefined || !random) return 0
    let time = 0
    for (let at = 0; at < bytes; at += segment) if (random.below(lossOneIn) === 0) time += retransmission
    return Math.min(time, 2 * retransmission) // what is lost together is sent again together
  }
}

async function sleepUntil(time: number): Promise<void> {
  const left = time - performance.now()
  if (left > 1) await new Promise((resolve) => setTimeout(resolve, left))
}
