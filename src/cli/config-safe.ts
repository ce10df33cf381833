import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '#base'
import { defaultCacheFolder } from '#backend'
import type { Backend } from '#backend'
import type { ConfigSafe } from '#repository'
import type { CommandContext } from './context.ts'

/** A file of this machine for the config of a repository that is being upgraded. It is sealed, as in the repository. */
export function openConfigSafe({ globals, env }: CommandContext, { location }: Backend): ConfigSafe {
  const folder = globals.cacheDir ?? defaultCacheFolder(env.variables)
  const name = createHash('sha256').update(location).digest('hex').slice(0, 20)
  const path = join(folder, `config-before-upgrade-${name}`)
  return {
    path,
    async save(bytes) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const temporary = `${path}.tmp`
      {
        await using file = await open(temporary, 'w', 0o600)
        await file.writeFile(bytes)
        await file.sync()
      }
      await rename(temporary, path)
      await using opened = await open(folder, 'r')
      await opened.sync()
    },
    async load() {
      try {
        return await readFile(path)
      } catch (thrown) {
        if (hasCode(thrown, 'ENOENT')) return undefined
        throw thrown
      }
    },
    remove: () => rm(path, { force: true }),
  }
}
