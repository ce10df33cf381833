import type { BackupPolicy, Mistake } from '#policy'

/** What a device that takes no software cannot do: a policy must not promise it. */
export function notForDevices({ what, machines }: BackupPolicy): Mistake[] {
  const parts: readonly (readonly [string, boolean])[] = [
    ['what.databases', (what.databases ?? []).length > 0],
    ['what.hookDumps', (what.hookDumps ?? []).length > 0],
    ['what.hooks', what.hooks !== undefined],
    ['what.volumeSnapshot', what.volumeSnapshot === 'required'],
    ['what.excludeCaches', what.excludeCaches === true],
    ['what.excludeLargerThan', what.excludeLargerThan !== undefined],
    ['what.oneFileSystem', what.oneFileSystem === true],
    ['machines', machines !== undefined && !machines.includes('appliance')],
  ]
  const sentence = 'A device that takes no software cannot do this: it is read as files. Give it a policy of its own.'
  return parts.filter(([, isAsked]) => isAsked).map(([at]) => ({ at, sentence }))
}
