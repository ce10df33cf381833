/**
 * Builds `dist/`: the sources as JavaScript, and what they read at run time. It is a package of its own (its package.json
 * says where the rooms' doors are), so nothing has to be bundled (docs/decisions/0003-dist-is-a-package.md).
 *
 * The new build is made beside the old one and put in its place as a whole; one that is the same leaves the old one
 * untouched, so building never disturbs a program that runs.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const project = join(import.meta.dirname, '..')

/** What is copied as it is. */
const assets = 'src/**/*.wasm'

/** Builds into `dist`, or throws with the compiler's words. */
export function build(dist: string = join(project, 'dist')): void {
  const fresh = `${dist}.new-${process.pid}`
  try {
    compile(fresh)
    nameBuiltFiles(fresh)
    copyAssets(fresh)
    writeFileSync(join(fresh, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`)
    if (!sameFolders(fresh, dist)) replaceFolder(dist, fresh)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function compile(to: string): void {
  const compiler = join(project, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [compiler, '-p', join(project, 'tsconfig.build.json'), '--outDir', to],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`The build failed:\n${stdout}${stderr}`)
}

/** The compiler changes `./x.ts` into `./x.js` in imports; the files that threads are started from need the same. */
function nameBuiltFiles(folder: string): void {
  for (const file of globSync('**/*.js', { cwd: folder })) {
    const path = join(folder, file)
    const text = readFileSync(path, 'utf8')
    const named = text.replace(/(new URL\(\s*(['"])\.{1,2}\/[^'"\n]*)\.ts\2/g, '$1.js$2')
    if (named !== text) writeFileSync(path, named)
  }
}

function copyAssets(to: string): void {
  for (const file of globSync(assets, { cwd: project })) {
    const target = join(to, file.slice('src/'.length))
    mkdirSync(dirname(target), { recursive: true })
    cpSync(join(project, file), target)
  }
}

/** dist/package.json: the rooms' doors as built files, and which version this is. */
function manifest(): Record<string, unknown> {
  const { name, version, license, imports, engines } = JSON.parse(
    readFileSync(join(project, 'package.json'), 'utf8'),
  ) as { imports: Record<string, string> } & Record<'name' | 'version' | 'license' | 'engines', unknown>
  const builtImports = Object.fromEntries(
    Object.entries(imports).map(([room, door]) => [room, door.replace(/^\.\/src\//, './').replace(/\.ts$/, '.js')]),
  )
  return { name, version, commit: commit(), private: true, license, type: 'module', imports: builtImports, engines }
}

/** The commit that this is built from, where that can be known. */
function commit(): string | undefined {
  if (!existsSync(join(project, '.git'))) return undefined
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: project, encoding: 'utf8', stdio: 'pipe' }).trim()
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
    build()
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exitCode = 1
  }
}
