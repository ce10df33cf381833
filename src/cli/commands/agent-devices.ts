import { openNeighbour, readDeviceOrder } from '#agent'
import { messageOf } from '#base'
import { printBackupSummary } from '../backup-progress.ts'
import { backUpSource } from '../back-up-source.ts'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import { CliError } from '../errors.ts'

const about = `
Backs up a machine that may take no software (a machine controller, a NAS, a telephone system) over SFTP, FTP or SMB, as a
snapshot with its name as the host. It needs rclone. The file says how it is reached, as JSON: {"access": {"kind": "sftp",
"host": "press-4", "user": "backup", "password": "…", "hostKeys": ["ssh-ed25519 AAAA…"]}, "name": "press-4", "paths": ["/data"],
"excludes": []}. The agent does this by the policies of such machines.`

export function defineReadDevice(command: CliCommand): void {
  setHelp(command, {
    text: about,
    examples: ['understudy agent read-device --repo /backups press-4.json'],
    exitCodes: { 3: 'A snapshot was made, but something could not be read.' },
  })
  command.summary('back up a machine that takes no software').argument('<file>')
  runs(
    command,
    async (context, [file = '']) => {
      const { printer, signal } = context
      const { device, excludes, rclone } = await readDeviceOrder(file)
      await using source = await openNeighbour(device, {
        excludes,
        rclone,
        signal,
        onWarning: (_, error) => printer.error(`warning: ${messageOf(error)}`),
      })
      const result = await backUpSource(context, source, { host: device.name, tag: 'device', hasParent: true })
      printBackupSummary(context, result, { dryRun: false })
      if (result.problems.length > 0) throw new CliError('SOURCE_INCOMPLETE')
    },
    { outlivesOutput: true },
  )
}
