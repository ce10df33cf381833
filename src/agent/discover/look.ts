import { systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import type { Discovery, Evidence, Finding, MachineFacts, Place, Unseen, Volume } from '#protocol'
import { DiscoverError } from './errors.ts'
import { notAllowed } from './files.ts'
import { defaultLimits } from './limits.ts'
import type { LookLimits } from './limits.ts'
import { runProbes } from './looker.ts'
import type { LookAnswer } from './messages.ts'
import { platformOf, probesFor } from './platform/index.ts'

export interface LookOptions extends Cancellable {
  /** The folder that stands for the machine's root; another than `/` is looked at without its tools. */
  readonly root?: string
  readonly platform?: MachineFacts['platform']
  readonly limits?: Partial<LookLimits>
  readonly clock?: Pick<Clock, 'now'>
}

/**
 * Looks what is on this machine. Comes to an end whatever lies there, and says what it could not look at.
 * Throws LOOK_ROOT_INVALID, and the signal's reason.
 */
export async function look(options: LookOptions = {}): Promise<Discovery> {
  const { root = '/', platform = platformOf(process.platform), clock = systemClock, signal } = options
  const limits = { ...defaultLimits, ...options.limits }
  const gathered = new Gathered(platform)
  const probes = probesFor(platform).map(({ name }) => name)
  await runProbes({ root, platform, limits, probes, onAnswer: (answer) => gathered.add(answer) }, { signal })
  if (gathered.isRootInvalid) throw new DiscoverError('LOOK_ROOT_INVALID', { root })
  return gathered.discovery({
    lookedAt: clock.now(),
    asAdministrator: platform === 'windows' ? false : process.geteuid?.() === 0,
  })
}

/** A machine with more is told with so many, and that there are more. */
const most = { findings: 4000, volumes: 1500, unseen: 1500 }

class Gathered {
  readonly #titles: ReadonlyMap<string, string>
  readonly #findings = new Map<string, Finding>()
  readonly #volumes = new Map<string, Volume>()
  readonly #unseen: Unseen[] = []
  readonly #left = new Set<string>()
  #machine: MachineFacts
  isRootInvalid = false

  constructor(platform: MachineFacts['platform']) {
    this.#machine = { hostName: 'unknown', platform, role: 'server', roleBecause: 'nothing could be looked at' }
    this.#titles = new Map(probesFor(platform).map(({ name, title }) => [name, title]))
  }

  add(answer: LookAnswer): void {
    if (answer.kind === 'machine') this.#machine = { ...this.#machine, ...answer.machine }
    else if (answer.kind === 'root-invalid') this.isRootInvalid = true
    else if (answer.kind === 'finding') this.#addFinding(answer.finding)
    else if (answer.kind === 'volume') this.#addVolume(answer.volume)
    else if (answer.kind === 'unseen') this.#addUnseen(answer.unseen)
    else if (answer.kind === 'failed') {
      this.#addUnseen({ what: this.#titles.get(answer.probe) ?? answer.probe, why: answer.why.slice(0, 1000) })
    }
  }

  #addFinding(finding: Finding): void {
    const known = this.#findings.get(finding.id)
    if (!known && this.#findings.size >= most.findings) this.#left.add('findings')
    else this.#findings.set(finding.id, known ? merged(known, finding) : finding)
  }

  #addVolume(volume: Volume): void {
    if (this.#volumes.size >= most.volumes) this.#left.add('volumes')
    else this.#volumes.set(volume.path, volume)
  }

  #addUnseen(unseen: Unseen): void {
    const isKnown = this.#unseen.some(({ what, why }) => what === unseen.what && why === unseen.why)
    if (isKnown) return
    if (this.#unseen.length >= most.unseen) this.#left.add('things that could not be looked at')
    else this.#unseen.push(unseen)
  }

  discovery(about: Pick<Discovery, 'lookedAt' | 'asAdministrator'>): Discovery {
    const more = [...this.#left].map((what) => ({ what, why: 'there are more than are told' }))
    return {
      version: 1,
      machine: this.#machine,
      ...about,
      volumes: [...this.#volumes.values()],
      findings: [...this.#findings.values()],
      unseen: [...withoutInner(this.#unseen), ...more],
    }
  }
}

/** What could not be looked at because of a folder above it is that folder's matter. */
function withoutInner(unseen: readonly Unseen[]): Unseen[] {
  const closed = new Set(unseen.filter(({ why }) => why === notAllowed).map(({ what }) => what))
  return unseen.filter(({ what, why }) => {
    if (why !== notAllowed) return true
    for (let slash = what.lastIndexOf('/'); slash > 0; slash = what.lastIndexOf('/', slash - 1)) {
      if (closed.has(what.slice(0, slash))) return false
    }
    return true
  })
}

/** One thing that was found in two ways: all the evidence, and the surer of the words. */
function merged(known: Finding, more: Finding): Finding {
  const surest = known.confidence === 'certain' || more.confidence === 'certain' ? 'certain' : known.confidence
  const inUse = [known.inUse, more.inUse].find((use) => use === 'yes') ?? known.inUse ?? more.inUse
  return {
    ...known,
    confidence: surest,
    evidence: unique([...known.evidence, ...more.evidence], evidenceKey).slice(0, 50),
    places: unique([...known.places, ...more.places], placeKey).slice(0, 200),
    ...(inUse && { inUse }),
  }
}

function evidenceKey({ from, what }: Evidence): string {
  return `${from}\0${what}`
}

function placeKey({ path }: Place): string {
  return path
}

function unique<Item>(items: readonly Item[], key: (item: Item) => string): Item[] {
  return [...new Map(items.map((item) => [key(item), item])).values()]
}
