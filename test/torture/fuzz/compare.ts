/** Compares the two programs' verdicts, and knows which differences are meant. */
import { unknownValue } from './kind.ts'
import type { Verdict } from './kind.ts'

export interface Difference {
  readonly kind: string
  readonly name: string
  readonly mutant: Buffer
  readonly ours: Verdict
  readonly theirs: Verdict
}

interface Allowed {
  readonly kinds: readonly string[]
  readonly ours: RegExp
  readonly theirs: RegExp
  /** What must be seen in the mutant. */
  readonly mutant?: (bytes: Buffer) => boolean
  readonly because: string
}

const json = ['snapshot', 'tree', 'index', 'lock', 'config', 'key']

/** A verdict as one line: `accepted …`, or why not. */
const line = (verdict: Verdict) => (verdict.accepted ? `accepted ${verdict.value}` : verdict.why)

/** restic's fields as nobody writes them: Go takes a key whatever the case of its letters. */
const hasKeyOfOtherCase = (mutant: Buffer) =>
  [...mutant.toString('latin1').matchAll(/"((?:[^"\\]|\\.)*)"\s*:/g)].some(
    ([, key = '']) => /[A-Z]/.test(key) && key !== 'N',
  )

export const allowedDifferences: readonly Allowed[] = [
  {
    kinds: json,
    ours: /a key that comes twice/,
    theirs: /^accepted/,
    because: 'a key that comes twice has two readings (restic takes the last, others the first), so it has none',
  },
  {
    kinds: json,
    ours: /bytes that are not UTF-8/,
    theirs: /^accepted/,
    because: 'Go replaces bytes that are not UTF-8 without a word: what was meant is lost',
  },
  {
    kinds: json,
    ours: /./,
    theirs: /./,
    mutant: hasKeyOfOtherCase,
    because:
      'Go takes keys in any case of letters, and no program writes them so; to us they are keys that nobody knows',
  },
  {
    kinds: json,
    ours: /is no id|no id|is missing/,
    theirs: /^accepted/,
    mutant: (bytes) => /"(?=[0-9a-f]*[A-F])[0-9a-fA-F]{64}"/.test(bytes.toString('latin1')),
    because: 'ids are lower-case digits everywhere; one that is not names a file that is not there',
  },
  {
    kinds: ['envelope'],
    ours: /^accepted/,
    theirs: /corruption|overrun|magic number mismatch|unexpected EOF|window size|invalid input/,
    because: 'the two zstd libraries do not refuse the same broken frames; what ours unpacks must still be a snapshot',
  },
  {
    kinds: ['blob'],
    ours: /bytes are stated|where \d+ are stated|buffer is too small/,
    theirs: /^accepted/,
    because: 'what is stated of a blob bounds the memory that it may take, so it must be right (restic does not look)',
  },
  {
    kinds: ['pack header'],
    ours: /entry \d+ ends at \d+, and the blobs at|its blobs end at/,
    theirs: /^accepted/,
    because:
      'blobs and header must add up to the pack (its check says so too, its rebuilding of the index does not look)',
  },
  {
    kinds: json,
    ours: /does not end with Z or an offset/,
    theirs: /^accepted/,
    mutant: (bytes) => bytes.includes('+24:00"'),
    because: 'Go takes 24 hours for an offset; nobody lives there',
  },
  {
    kinds: ['config'],
    ours: /"id" is no id/,
    theirs: /^accepted/,
    because: 'the id of a repository names a folder of the cache: nothing but digits may come through',
  },
  {
    kinds: ['envelope', 'blob'],
    ours: /a frame without content|something follows the end/,
    theirs: /^accepted/,
    because: 'what restic and rustic store is one zstd frame; more than that is not by them',
  },
  {
    kinds: ['snapshot', 'index', 'lock', 'envelope'],
    ours: /malformed: "(time|tree|id|offset|length|type|exclusive)".* (is missing|is "")/,
    theirs: /^accepted/,
    because: 'Go makes zero of what is missing; no program leaves these out, so something is damaged',
  },
  {
    kinds: ['index'],
    ours: /beyond 4 GiB/,
    theirs: /^accepted/,
    because: 'no pack of 4 GiB can be read (restic#3583)',
  },
  {
    kinds: json,
    ours: /is not a time as the format writes it/,
    theirs: /^accepted/,
    mutant: (bytes) => /T\d:|T\d\d:\d\d:\d\d,/.test(bytes.toString('latin1')),
    because: 'Go reads hours of one digit and commas, which its own RFC 3339 does not allow and nobody writes',
  },
  {
    kinds: ['snapshot'],
    ours: /above 9007199254740991/,
    theirs: /^accepted/,
    because: 'a summary that counts more files than there can be',
  },
  {
    kinds: json,
    ours: /"n" instead of """/,
    theirs: /^accepted/,
    mutant: (bytes) => bytes.includes('null'),
    because: 'Go makes an empty text of null in a list; nobody writes it',
  },
  {
    kinds: ['tree'],
    ours: /^TREE_NOT_ORDERED/,
    theirs: /^accepted/,
    because: 'restic says that trees are sorted without twins, and relies on it in places; a twin has two readings',
  },
  {
    kinds: ['tree'],
    ours: /something after the end/,
    theirs: /^accepted/,
    because: 'restic reads no further than the end of the tree; what follows it is damage all the same',
  },
]

export type Judged = 'same' | 'allowed' | 'different'

export function judge({ kind, mutant, ours, theirs }: Difference): {
  readonly judged: Judged
  readonly because?: string
} {
  const isSame =
    ours.accepted && theirs.accepted
      ? ours.value === theirs.value || theirs.value === unknownValue
      : ours.accepted === theirs.accepted
  if (isSame) return { judged: 'same' }
  const rule = allowedDifferences.find(
    (one) =>
      one.kinds.includes(kind) &&
      one.ours.test(line(ours)) &&
      one.theirs.test(line(theirs)) &&
      (one.mutant?.(mutant) ?? true),
  )
  return rule ? { judged: 'allowed', because: rule.because } : { judged: 'different' }
}
