/**
 * Builds the web console: `src/console` becomes static files that the server serves. What it is made from is noted beside it,
 * so that a build that is still of the same sources is taken over and not made anew.
 */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import { build } from 'vite'

/** What the build is made from; what the console imports of other packages stands in the lock file. */
const inputs = ['src/console/**/*', 'src/protocol/**/*.ts', 'scripts/build-console.ts', 'package-lock.json']

/** In the folder of the build: the digest of what it was made from. */
const builtFrom = 'built-from'

export interface BuildConsoleOptions {
  /** The folder of the program. */
  readonly from: string
  readonly to: string
  /** A build before, that is taken over if it was made from the same. */
  readonly before?: string
}

/** Builds, or throws with the bundler's words. Where there is no source of a console, there is none to build. */
export async function buildConsole({ from, to, before }: BuildConsoleOptions): Promise<void> {
  const root = join(from, 'src', 'console')
  if (!existsSync(join(root, 'index.html'))) return
  const digest = digestOf(from)
  if (before !== undefined && isBuiltFrom(before, digest)) {
    cpSync(before, to, { recursive: true })
    return
  }
  await build({
    configFile: false,
    root,
    plugins: [react()],
    logLevel: 'silent',
    build: {
      outDir: to,
      emptyOutDir: true,
      // The server's policy for contents lets a page load what lies on the server, and nothing that stands in it.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      license: { fileName: 'licences.md' },
      reportCompressedSize: false,
    },
  })
  writeFileSync(join(to, builtFrom), digest)
}

function isBuiltFrom(folder: string, digest: string): boolean {
  const file = join(folder, builtFrom)
  return existsSync(file) && readFileSync(file, 'utf8') === digest
}

function digestOf(from: string): string {
  const hash = createHash('sha256')
  const entries = globSync(inputs, { cwd: from, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const path of entries.map((entry) => join(entry.parentPath, entry.name)).toSorted()) {
    if (path.endsWith('.test.ts')) continue
    hash.update(`${path.slice(from.length)}\0`).update(createHash('sha256').update(readFileSync(path)).digest())
  }
  return hash.digest('hex')
}
