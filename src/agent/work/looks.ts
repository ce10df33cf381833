import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Cancellable, Clock } from '#base'
import { readMounts } from '#filesystem'
import type { Discovery, LookReport } from '#protocol'
import { coverageOf, uncoveredData } from '../discover/coverage.ts'
import { look } from '../discover/look.ts'
import { dataMounts } from '../discover/probes/volumes.ts'
import { scopeOfPolicy } from '../discover/policy-scope.ts'
import { proposePolicy } from '../discover/proposal.ts'
import type { AgentFolder, FollowedPolicy } from '../state.ts'

/** Looks at the machine. */
export type Look = (options: Cancellable) => Promise<Discovery>

/** Milliseconds after which a machine is looked at again though nothing seems to have changed. */
const longest = 24 * 3_600_000

/** The shortest time between two looks, however often volumes come and go. */
const shortest = 10 * 60_000

/**
 * What the agent knows of its machine: looked at once a day, and when volumes come or go. The last look lies in the agent's
 * folder, so that a restart, or another policy, takes no new one.
 */
export class Looks {
  readonly #folder: AgentFolder
  readonly #clock: Clock
  readonly #look: Look
  /** What the server was told last. */
  #told: (Pick<LookReport, 'follows'> & { readonly lookedAt: number }) | undefined

  constructor(
    folder: AgentFolder,
    { clock, look: given }: { readonly clock: Clock; readonly look?: Look | undefined },
  ) {
    this.#folder = folder
    this.#clock = clock
    this.#look = given ?? (async (options) => await look({ ...options, clock }))
  }

  /** The last look, if it still holds; undefined: it is time for a new one. */
  async current(): Promise<Discovery | undefined> {
    const last = await this.#folder.readLook()
    if (!last) return undefined
    const age = this.#clock.now() - last.discovery.lookedAt
    const holds = last.volumes === volumesNow() ? longest : shortest
    return age >= 0 && age < holds ? last.discovery : undefined
  }

  /** Takes a new look. */
  async take(options: Cancellable): Promise<Discovery> {
    const volumes = volumesNow()
    const discovery = await this.#look(options)
    await this.#folder.writeLook({ volumes, discovery })
    return discovery
  }

  /** What there is to tell of a look, with these policies; undefined when the server knows it. */
  news(discovery: Discovery, policies: readonly FollowedPolicy[]): LookReport | undefined {
    const { lookedAt } = discovery
    const follows = Object.fromEntries(policies.map(({ id, revision }) => [id, revision]))
    if (isDeepStrictEqual(this.#told, { lookedAt, follows })) return undefined
    const coverage = coverageOf(
      discovery,
      policies.map(({ policy }) => scopeOfPolicy(policy, discovery)),
    )
    const { findings, size, sentence } = uncoveredData(discovery, coverage)
    const uncovered = { findings: findings.map(({ id }) => id), size, sentence }
    return { discovery, coverage, proposal: proposePolicy(discovery), uncovered, follows }
  }

  /** The server has heard it. */
  told({ discovery: { lookedAt }, follows }: LookReport): void {
    this.#told = { lookedAt, follows }
  }
}

/** Changes when a volume comes or goes. Reads a file of the kernel's: no disk is touched, so nothing can hang. */
function volumesNow(): string {
  const mounts = dataMounts({ mounts: readMounts() }).map(({ path, root, type, source }) =>
    [path, root, type, source].join('\0'),
  )
  return createHash('sha256').update(mounts.toSorted().join('\n'), 'latin1').digest('hex')
}
