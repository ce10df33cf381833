import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CliCommand } from '../command.ts'
import { setHelp, valueFlag } from '../command.ts'
import { bashCompletion } from '../completion/bash.ts'
import { fishCompletion } from '../completion/fish.ts'
import { describeCommands } from '../completion/model.ts'
import type { CompletedCommand } from '../completion/model.ts'
import { powershellCompletion } from '../completion/powershell.ts'
import { zshCompletion } from '../completion/zsh.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { CliError } from '../errors.ts'
import { plainMessage } from '../failure-text.ts'
import { manPages } from '../man-pages.ts'
import { createProgram, loadCommands } from '../program.ts'

const text = `
Writes scripts that let a shell complete commands, flags and their values, and the manual as pages for man. A file named -
is standard output.`

const shells = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
  powershell: powershellCompletion,
} as const

type Shell = keyof typeof shells

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy generate --bash-completion /etc/bash_completion.d/understudy',
      'source <(understudy generate --bash-completion -)',
      'understudy generate --zsh-completion ~/.zfunc/_understudy',
      'understudy generate --fish-completion ~/.config/fish/completions/understudy.fish',
      'understudy generate --man /usr/local/share/man/man1',
    ],
  })
  command.addOption(valueFlag('--bash-completion <file>', 'write the script for bash'))
  command.addOption(valueFlag('--zsh-completion <file>', 'write the script for zsh'))
  command.addOption(valueFlag('--fish-completion <file>', 'write the script for fish'))
  command.addOption(valueFlag('--powershell-completion <file>', 'write the script for PowerShell'))
  command.addOption(valueFlag('--man <folder>', 'write manual pages into this folder'))
  runs(command, generate)
}

async function generate(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  if (args.length > 0) throw context.refuse('generate takes no arguments')
  const wanted = (Object.keys(shells) as Shell[]).flatMap((shell) => {
    const file = textOf(flags, `${shell}Completion`)
    return file === undefined ? [] : [{ shell, file }]
  })
  const manual = textOf(flags, 'man')
  if (wanted.length === 0 && manual === undefined) throw context.refuse('say what to write, --bash-completion or --man')
  if (wanted.filter(({ file }) => file === '-').length > 1) {
    throw context.refuse('standard output can take the script for one shell only')
  }
  const program = createProgram()
  await loadCommands(program)
  if (manual !== undefined) writeManual(context, manual, manPages(program))
  const commands = describeCommands(program)
  for (const one of wanted) writeScript(context, one, commands)
}

function writeManual({ printer }: CommandContext, folder: string, pages: ReadonlyMap<string, string>): void {
  try {
    mkdirSync(folder, { recursive: true })
    for (const [name, page] of pages) writeFileSync(join(folder, name), page)
  } catch (cause) {
    throw new CliError('OUTPUT_NOT_WRITTEN', { path: folder, reason: plainMessage(cause), cause })
  }
  printer.say(`wrote ${pages.size} pages to ${folder}`)
}

function writeScript(
  { printer }: CommandContext,
  { shell, file }: { readonly shell: Shell; readonly file: string },
  commands: readonly CompletedCommand[],
): void {
  const script = shells[shell]('understudy', commands)
  if (file === '-') return printer.terminal.write(script)
  try {
    writeFileSync(file, script)
  } catch (cause) {
    throw new CliError('OUTPUT_NOT_WRITTEN', { path: file, reason: plainMessage(cause), cause })
  }
  printer.say(`wrote the completion for ${shell} to ${file}`)
}
