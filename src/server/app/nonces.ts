import { signatureWindow } from '#protocol'

/**
 * Nonces that have been used within the window in which a signature holds: a call that is sent a second time by somebody
 * who recorded it is refused. With several server nodes each knows its own; what a machine may call is safe to repeat.
 */
export class Nonces {
  #current = new Set<string>()
  #before = new Set<string>()
  #since = 0

  isNew(nonce: string, now: number): boolean {
    // Two generations, each as long as a signature holds, before and after.
    if (Math.abs(now - this.#since) > 2 * signatureWindow) {
      this.#before = this.#current
      this.#current = new Set()
      this.#since = now
    }
    if (this.#current.has(nonce) || this.#before.has(nonce)) return false
    this.#current.add(nonce)
    return true
  }
}
