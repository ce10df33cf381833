import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import { version } from '../version.ts'

export function define(command: CliCommand): void {
  setHelp(command, {
    text: 'Prints the version of this program and of what it runs on.',
    examples: ['understudy version'],
  })
  runs(command, async ({ printer }) => {
    const { version: node, platform, arch } = process
    if (printer.isJson) printer.json({ message_type: 'version', version, node_version: node, os: platform, arch })
    else printer.result(`understudy ${version} with Node ${node} on ${platform}/${arch}`)
  })
}
