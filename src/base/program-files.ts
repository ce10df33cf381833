import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Where files of this program lie: as source, each where the folders below `src` have it; built, all in one folder, because
 * a module that is asked for its own place then is a part of a larger file (scripts/build.ts).
 */
const isBuilt = !import.meta.url.endsWith('.ts')

/** The folder of the whole program: where its package.json, README and `src` or `dist` lie. */
export const programFolder = fileURLToPath(new URL(isBuilt ? '..' : '../..', import.meta.url))

/**
 * A module that threads are started from or load, by its path below `src`, without extension. The build finds what it has
 * to build by these calls: the path is to be written out in them.
 */
export function programModule(path: string): URL {
  return programFile(`${path}.${isBuilt ? 'js' : 'ts'}`)
}

/** A file that is no module, by its path below `src`. */
export function programFile(path: string): URL {
  return new URL(isBuilt ? basename(path) : `../${path}`, import.meta.url)
}
