import { mkdirSync, symlinkSync } from 'node:fs'
import { peer } from './peers.ts'
import type { TempFolder } from './temp.ts'

/** A ready script as the server gives it out, with all its places in a folder, so that it can be run on this machine. */
export function moveScript(script: string, folder: TempFolder): { readonly script: string; readonly program: string } {
  for (const name of ['bin', 'cron']) mkdirSync(folder.join(name), { recursive: true })
  symlinkSync(peer('restic'), folder.join('bin', 'restic'))
  const moves: readonly (readonly [string, string])[] = [
    ['/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', `${folder.join('bin')}:/usr/bin:/bin`],
    ['/etc/understudy-restic', folder.join('settings')],
    ['/usr/local/lib/understudy-restic', folder.join('program')],
    ['/var/lib/understudy-restic', folder.join('state')],
    ['/etc/systemd/system', folder.join('systemd')],
    ['/run/systemd/system', folder.join('no-systemd')],
    ['/etc/cron.d', folder.join('cron')],
  ]
  const moved = moves.reduce((text, [from, to]) => text.replaceAll(from, to), script)
  return { script: moved, program: folder.join('program', 'run.sh') }
}
