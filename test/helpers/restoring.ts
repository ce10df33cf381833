/** What tests of restoring share: a fake repository, a folder to restore to, and looks at what came of it. */
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { FileTargetOptions } from '../../src/filesystem/target.ts'
import { openFileTarget } from '../../src/filesystem/target.ts'
import type { ExecuteOptions, PlanOptions } from '../../src/restorer/index.ts'
import { executeRestore, planRestore } from '../../src/restorer/index.ts'
import type { FakeOptions } from './fake-repository.ts'
import { FakeRepository } from './fake-repository.ts'

export interface Cleaning {
  after(work: () => void): void
}

export function setUp(t: Cleaning, options: FakeOptions = {}) {
  const folder = fs.mkdtempSync(join(tmpdir(), 'understudy-restore-'))
  const repository = new FakeRepository(options)
  const works = [
    () => {
      repository[Symbol.dispose]()
      fs.rmSync(folder, { recursive: true, force: true })
    },
  ]
  t.after(() => works.forEach((work) => work()))
  /** Done before the folder is removed; the last first. */
  const cleanUp = (work: () => void) => void works.unshift(work)
  return { folder, repository, cleanUp, target: join(folder, 'target'), original: join(folder, 'original') }
}

export async function restore(
  repository: FakeRepository,
  tree: Buffer,
  target: string,
  targetOptions: FileTargetOptions = {},
  planOptions: PlanOptions = {},
  executeOptions: ExecuteOptions = {},
) {
  await using disk = openFileTarget(target, targetOptions)
  const plan = await planRestore(repository, { tree }, disk, planOptions)
  const result = await executeRestore(repository, plan, disk, executeOptions)
  return { plan, result }
}

export function messages(failures: readonly { readonly error: Error }[]): string[] {
  return failures.map(({ error }) => error.message)
}

export function namesBelow(root: string): string[] {
  const names = (folder: string): string[] =>
    fs.readdirSync(join(root, folder), { withFileTypes: true, encoding: 'latin1' }).flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? [path, ...names(path)] : [path]
    })
  return names('').sort()
}

export function leftoversIn(root: string): string[] {
  return namesBelow(root).filter((name) => /\.understudy-part-[0-9wo]/.test(name))
}

export function ctimes(root: string): Record<string, bigint> {
  const entries = namesBelow(root).map((name) => [
    name,
    fs.lstatSync(join(root, name), { bigint: true, throwIfNoEntry: false })?.ctimeNs,
  ])
  return Object.fromEntries(entries) as Record<string, bigint>
}
