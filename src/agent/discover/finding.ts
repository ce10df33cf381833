import type { Evidence, Finding, Place } from '#protocol'
import type { Machine } from './machine.ts'

/** One thing that probes look for. */
export interface Probe {
  /** Stable, for messages between processes. */
  readonly name: string
  /** What is said when it could not be looked at: "shares". */
  readonly title: string
  readonly look: (machine: Machine) => Promise<void> | void
}

type Draft = Omit<Finding, 'id' | 'evidence' | 'places' | 'confidence'> & {
  readonly name: string
  readonly evidence: readonly Evidence[]
  readonly places: readonly Place[]
  readonly confidence?: Finding['confidence']
}

/** A finding within the limits of the protocol: a machine with a thousand of something is told with fewer examples. */
export function makeFinding({ name, ...draft }: Draft): Finding {
  return {
    confidence: 'certain',
    ...draft,
    id: clip(`${draft.kind}:${name}`, 4096),
    title: clip(draft.title, 500),
    evidence: draft.evidence.slice(0, 50).map(({ from, what }) => ({ from, what: clip(what, 1000) })),
    places: draft.places.slice(0, 200).map(({ path, isFile }) => ({ path: clip(path, 4096), isFile })),
  }
}

function clip(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text
}

export function folderAt(path: string): Place {
  return { path, isFile: false }
}

export function fileAt(path: string): Place {
  return { path, isFile: true }
}

export function byFile(what: string): Evidence {
  return { from: 'file', what }
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Paths without those that lie in another of them. */
export function outermost(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)]
  return unique.filter((path) => !unique.some((other) => other !== path && path.startsWith(`${other}/`)))
}
