import type { Files } from './files.ts'

/** Units of systemd that somebody enabled: links in the `.wants` and `.requires` folders of other units. */
export function readEnabledUnits(files: Files): readonly string[] {
  const folder = '/etc/systemd/system'
  const units = files
    .names(folder)
    .filter((name) => /\.(?:wants|requires)$/.test(name))
    .flatMap((name) => files.names(`${folder}/${name}`))
  return [...new Set(units)].sort()
}

/** Units that were written for this machine: files, not links, where the administrator puts his own. */
export function readOwnUnits(files: Files): readonly string[] {
  const folder = '/etc/systemd/system'
  return files
    .names(folder)
    .filter((name) => /\.(?:service|timer|mount|path|socket)$/.test(name))
    .filter((name) => files.type(`${folder}/${name}`) === 'file')
}
