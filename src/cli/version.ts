import { readFileSync } from 'node:fs'

/** This program's version, from the package that it is in: two folders up from the source, beside what is built. */
export const version = readVersion()

/** What snapshots say made them. */
export const programVersion = `understudy ${version}`

function readVersion(): string {
  for (const place of ['./package.json', '../../package.json']) {
    const found = versionIn(new URL(place, import.meta.url))
    if (found !== undefined) return found
  }
  return 'unknown'
}

function versionIn(file: URL): string | undefined {
  try {
    const { name, version: found } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string }
    return name === 'understudy' ? found : undefined
  } catch {
    return undefined
  }
}
