/** What a check can find wrong. Scripts may rely on these names. */
export type ProblemKind =
  | 'key-damaged'
  | 'index-damaged'
  | 'snapshot-damaged'
  /** The same pack with different blobs in two index files. */
  | 'pack-indexes-differ'
  | 'pack-missing'
  | 'pack-size'
  /** `--read-data`: the pack's bytes are wrong. */
  | 'pack-damaged'
  /** `--read-data`: wrong at first, right when read again. The storage, the line or the memory is not to be trusted. */
  | 'pack-flaky'
  | 'pack-unreadable'
  | 'tree-missing'
  | 'tree-damaged'
  | 'entry-malformed'
  /** A file needs blobs that are in no index. */
  | 'blobs-missing'
  /** The blobs of a file are together longer or shorter than the file. */
  | 'file-size'

/** What is worth knowing and harms nothing. */
export type NoticeKind =
  /** In no index: left behind by something that was interrupted. `prune` removes them. */
  | 'packs-orphaned'
  /** Wait to be deleted by a later prune. */
  | 'packs-waiting'
  | 'pack-indexed-twice'
  | 'pack-mixed'
  | 'blobs-duplicate'

export interface CheckProblem {
  readonly kind: ProblemKind
  /** One sentence. */
  readonly message: string
  /** The file of the repository that is wrong, where it is one. */
  readonly file?: { readonly type: 'key' | 'index' | 'snapshot' | 'pack'; readonly name: string }
  /** What can no longer be brought back because of this. */
  readonly affected: Affected
}

export interface Affected {
  /** The first few. */
  readonly paths: readonly AffectedPath[]
  readonly total: number
  /** True when there are more than `total`: it was not counted further. */
  readonly more: boolean
}

export interface AffectedPath {
  /** Name of the snapshot. */
  readonly snapshot: string
  /** Raw bytes, starting with `/`. */
  readonly path: Buffer
}

export interface CheckNotice {
  readonly kind: NoticeKind
  readonly message: string
  readonly count: number
  /** Names of packs, the first few. */
  readonly packs: readonly string[]
}

/** A problem on its way: where it shows is found out when all are known. */
export interface Finding extends Omit<CheckProblem, 'affected'> {
  /** Entries of the index whose blobs cannot be had from where they say. */
  readonly badEntries?: Iterable<number>
  /** A tree that is in no index, by its id. */
  readonly missingTree?: Buffer
  /** An entry of a tree: the tree by its entry in the index, and a name. */
  readonly place?: { readonly tree: number; readonly name: Buffer }
}

/** More problems than this are only counted. */
const mostFindings = 10_000

export class Findings {
  readonly findings: Finding[] = []
  readonly notices: CheckNotice[] = []
  /** How many problems were only counted. */
  omitted = 0
  readonly #onProblem: ((message: string) => void) | undefined

  constructor(onProblem?: (message: string) => void) {
    this.#onProblem = onProblem
  }

  add(finding: Finding): void {
    this.#onProblem?.(finding.message)
    if (this.findings.length < mostFindings) this.findings.push(finding)
    else this.omitted++
  }

  notice(notice: CheckNotice): void {
    this.notices.push(notice)
  }
}

/** The beginning of an id, as people are shown it. */
export function shortName(name: string): string {
  return name.slice(0, 10)
}
