import { isDeepStrictEqual } from 'node:util'
import type { AgentFolder, FollowedDevice, FollowedPolicy } from '../state.ts'
import type { z } from 'zod'
import { readsOf } from './planned-runs.ts'
import { understandDevices, understandPolicies } from './understand.ts'
import type { heardSchema, Understood } from './understand.ts'

/** What the agent goes by, kept in its folder: the policies that it follows, and the devices that it reads. */
export class Following {
  readonly #folder: AgentFolder
  readonly #say: (sentence: string) => void
  #policies: readonly FollowedPolicy[] = []
  #devices: readonly FollowedDevice[] = []
  /** Ids of what the server said that is newer than this agent. */
  readonly #notUnderstood: Record<'policies' | 'devices', readonly string[]> = { policies: [], devices: [] }

  constructor(folder: AgentFolder, say: (sentence: string) => void) {
    this.#folder = folder
    this.#say = say
  }

  async open(): Promise<void> {
    this.#policies = await this.#folder.readPolicies()
    this.#devices = await this.#folder.readDevices()
  }

  get policies(): readonly FollowedPolicy[] {
    return this.#policies
  }

  get devices(): readonly FollowedDevice[] {
    return this.#devices
  }

  /** What of it a hello says. */
  get said() {
    const follows = Object.fromEntries(this.#policies.map(({ id, revision }) => [id, revision]))
    return { follows, reads: readsOf(this.#devices) }
  }

  get notUnderstood(): readonly string[] {
    return [...this.#notUnderstood.policies, ...this.#notUnderstood.devices]
  }

  /** Takes over what the server answers to a hello. `now` in milliseconds since 1970. */
  async hear({ policies, devices }: z.output<typeof heardSchema>, now: number): Promise<void> {
    if (devices) await this.#takeDevices(this.#sift('devices', understandDevices(devices, this.#devices, now)))
    if (policies) await this.#takePolicies(this.#sift('policies', understandPolicies(policies, this.#policies, now)))
  }

  // What is not understood is said again with each hello.
  async #takeDevices(devices: readonly FollowedDevice[]): Promise<void> {
    if (isDeepStrictEqual(devices, this.#devices)) return
    await this.#folder.writeDevices(devices)
    this.#devices = devices
    this.#say(`reads ${devices.map(({ name }) => `"${name}"`).join(', ') || 'no device beside it'}`)
  }

  async #takePolicies(policies: readonly FollowedPolicy[]): Promise<void> {
    if (isDeepStrictEqual(policies, this.#policies)) return
    await this.#folder.writePolicies(policies)
    this.#policies = policies
    this.#say(`follows ${policies.map(({ policy }) => `"${policy.name}"`).join(', ') || 'no backup policy'}`)
  }

  #sift<One>(what: 'policies' | 'devices', { all, notUnderstood }: Understood<One>): readonly One[] {
    const count = notUnderstood.length
    if (count > 0 && !isDeepStrictEqual(notUnderstood, this.#notUnderstood[what])) {
      this.#say(`is too old for ${count} of its ${what}, and goes on with what it had: update it`)
    }
    this.#notUnderstood[what] = notUnderstood
    return all
  }
}
