import { isAbsolute, resolve } from 'node:path'
import { printable } from '#base'
import type { CliCommand } from '../command.ts'
import { commaListFlag, flag, listFlag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { agentFolder, serverFolder } from '../data-folder.ts'
import { CliError } from '../errors.ts'
import { ownProgram } from '../own-program.ts'
import { installUnit, isSystemdHere } from '../service/install.ts'
import { agentUnit, agentWorks, serverUnit } from '../service/units.ts'
import type { AgentWork, Unit } from '../service/units.ts'

const text = `
Prints the unit by which systemd runs the agent or the control server, or installs it: then it runs now and after each start of
the machine. A unit may do what its work needs and nothing else; what it writes it writes into its own folder.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: ['understudy service agent --install', 'understudy service server --install -- --listen 0.0.0.0:8484'],
    ofServer: true,
  })
  defineAgent(command.command('agent'))
  defineServer(command.command('server'))
}

const aboutAgent = `
The unit of the agent. It reads every file of the machine and changes none; what else it may do is named by --may: "databases"
(dumps of databases, as their users), "restores" (files with their owners and rights, into the folders of --write), "everything"
(what root may: for hooks and snapshots of volumes), or "none".`

function defineAgent(command: CliCommand): void {
  setHelp(command, {
    text: aboutAgent,
    examples: [
      'understudy service agent',
      'understudy service agent --install',
      'understudy service agent --install --may databases,restores --write /srv',
    ],
    ofServer: true,
  })
  command.summary('the agent as a service of systemd')
  command.addOption(
    commaListFlag('--may <work>', `${agentWorks.join(', ')} or none; several with commas (default: databases)`),
  )
  command.addOption(listFlag('--write <folder>', 'a folder that may be restored into (several times)'))
  addCommonFlags(command, 'where the agent keeps its key, policies and reports')
  runs(command, async (context, args, flags) => {
    if (args.length > 0) throw context.refuse('service agent takes no arguments')
    const data = resolve(textOf(flags, 'data') ?? agentFolder(context.env))
    const [may, write] = [readWorks(context, flags), readFolders(context, flags)]
    if (write.length > 0 && !may.includes('restores')) throw context.refuse('--write needs --may restores')
    await give(context, agentUnit({ command: ownProgram.command, data, write, may }), flags)
  })
}

const aboutServer = `
The unit of the control server, which runs as the user "understudy". What comes after -- are flags of "understudy serve". It is
not the agent of its machine: that is a service of its own, enrolled like any other.`

function defineServer(command: CliCommand): void {
  setHelp(command, {
    text: aboutServer,
    examples: [
      'understudy service server',
      'understudy service server --install -- --listen 0.0.0.0:8484 --origin https://backup.example:8484',
      'understudy service server --install --write /mnt/backups -- --storage /mnt/backups',
    ],
    ofServer: true,
  })
  command.summary('the control server as a service of systemd').argument('[flags-of-serve...]')
  command.addOption(listFlag('--write <folder>', 'a folder for repositories or copies (several times)'))
  addCommonFlags(command, 'where the server keeps its key, certificate and database')
  runs(command, async (context, serveFlags, flags) => {
    const data = resolve(textOf(flags, 'data') ?? serverFolder(context.env))
    if (serveFlags.some((one) => /^--(data|no-agent)(=|$)/.test(one))) {
      throw context.refuse('--data comes before --, and --no-agent is said anyway')
    }
    const write = readFolders(context, flags)
    await give(context, serverUnit({ command: ownProgram.command, data, write, flags: serveFlags }), flags)
  })
}

function addCommonFlags(command: CliCommand, aboutData: string): void {
  command.addOption(valueFlag('--data <folder>', aboutData))
  command.addOption(flag('--install', 'install it and start it (as root)'))
}

function readWorks(context: CommandContext, flags: CommandFlags): readonly AgentWork[] {
  const given = (flags['may'] as readonly string[] | undefined) ?? ['databases']
  if (given.length === 1 && given[0] === 'none') return []
  return given.map((word) => {
    const work = agentWorks.find((one) => one === word)
    if (!work) throw context.refuse(`"${word}" is no value for --may: there are ${agentWorks.join(', ')} and none`)
    return work
  })
}

function readFolders(context: CommandContext, flags: CommandFlags): readonly string[] {
  const folders = (flags['write'] as readonly string[] | undefined) ?? []
  const odd = folders.find((folder) => !isAbsolute(folder) || /[\n\r]/.test(folder))
  if (odd !== undefined) throw context.refuse(`--write must be an absolute path, not "${odd}"`)
  return folders
}

async function give({ printer }: CommandContext, unit: Unit, flags: CommandFlags): Promise<void> {
  if (flags['install'] !== true) {
    if (printer.isJson) return printer.json({ message_type: 'unit', file: unit.file, text: unit.text })
    return printer.terminal.write(unit.text)
  }
  if (!isSystemdHere()) throw new CliError('SERVICE_NO_SYSTEMD', { file: unit.file })
  const path = await installUnit(unit)
  if (printer.isJson) return printer.json({ message_type: 'installed', path })
  printer.say(`Installed and started: ${printable(path)}`)
  printer.say(`See how it is with: systemctl status ${unit.file}`)
}
