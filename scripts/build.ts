/**
 * Builds `dist/`: the program as a few files of JavaScript, what they read at run time, and the web console. Loading hundreds of modules one by one takes
 * longer than most commands work (docs/decisions/0010-dist-is-bundled.md).
 *
 * The new build is made beside the old one and put in its place as a whole; one that is the same leaves the old one
 * untouched, so building never disturbs a program that runs.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build as esbuild } from 'esbuild'
import { buildConsole } from './build-console.ts'

const project = join(import.meta.dirname, '..')

export interface BuildOptions {
  /** The folder of the program. Default: this one. */
  readonly from?: string
  /** Default: `dist` in it. */
  readonly dist?: string
  /** More modules that are to be found by their names, for tests that reach into a program which runs. */
  readonly doors?: readonly string[]
}

/** Builds, or throws with the bundler's words. */
export async function build({
  from = project,
  dist = join(from, 'dist'),
  doors = [],
}: BuildOptions = {}): Promise<void> {
  const fresh = `${dist}.new-${process.pid}`
  try {
    await bundle(from, fresh, doors)
    copyAssets(from, fresh)
    await buildConsole({ from, to: join(fresh, 'console'), before: join(dist, 'console') })
    writeFileSync(join(fresh, 'package.json'), `${JSON.stringify(manifest(from), null, 2)}\n`)
    if (!sameFolders(fresh, dist)) replaceFolder(dist, fresh)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** All in one folder, so that what a module finds beside itself does not depend on which file it has become a part of. */
async function bundle(from: string, to: string, doors: readonly string[]): Promise<void> {
  await esbuild({
    absWorkingDir: from,
    entryPoints: ['src/cli/main.ts', ...threadModules(from), ...doors],
    outdir: to,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    packages: 'external',
    minifySyntax: true,
    logLevel: 'silent',
  })
}

/** The modules that are loaded by their place, in threads (`programModule`). */
function threadModules(from: string): string[] {
  const found = new Set<string>()
  for (const file of globSync('src/**/*.ts', { cwd: from, exclude: ['**/*.test.ts'] })) {
    const calls = readFileSync(join(from, file), 'utf8').matchAll(/programModule\(\s*'([^']+)'/g)
    for (const [, path] of calls) found.add(`src/${path}.ts`)
  }
  return [...found].toSorted()
}

function copyAssets(from: string, to: string): void {
  for (const file of globSync('src/**/*.wasm', { cwd: from })) cpSync(join(from, file), join(to, basename(file)))
}

/** dist/package.json: what this is, and of which version. */
function manifest(from: string): Record<string, unknown> {
  const { name, version, license, engines } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as Record<
    'name' | 'version' | 'license' | 'engines',
    unknown
  >
  return { name, version, commit: commit(from), private: true, license, type: 'module', engines }
}

/** The commit that this is built from, where that can be known. */
function commit(from: string): string | undefined {
  if (!existsSync(join(from, '.git'))) return undefined
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: from, encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return undefined // git is not installed, or nothing is committed: the version alone has to do
  }
}

function sameFolders(one: string, other: string): boolean {
  const [files, others] = [filesIn(one), filesIn(other)]
  return (
    files.length === others.length &&
    files.every(
      (file, at) => file === others[at] && readFileSync(join(one, file)).equals(readFileSync(join(other, file))),
    )
  )
}

function filesIn(folder: string): string[] {
  return globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
    .toSorted()
}

function replaceFolder(folder: string, by: string): void {
  const old = `${folder}.old-${process.pid}`
  if (existsSync(folder)) renameSync(folder, old)
  renameSync(by, folder)
  rmSync(old, { recursive: true, force: true })
}

function isMain(): boolean {
  return process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href
}

if (isMain()) {
  try {
    await build()
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exitCode = 1
  }
}
