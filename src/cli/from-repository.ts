import { flag, valueFlag } from './command.ts'
import type { CliCommand } from './command.ts'
import type { CommandContext, CommandFlags } from './context.ts'
import type { Place } from './open-repository.ts'

/** The second repository of a command: the one that something is taken from. */

export function addFromFlags(command: CliCommand): void {
  command.addOption(valueFlag('--from-repo <location>', 'the repository to copy from (UNDERSTUDY_FROM_REPOSITORY)'))
  command.addOption(valueFlag('--from-repository-file <file>', 'file to read its location from'))
  command.addOption(valueFlag('--from-password-file <file>', 'file to read its password from'))
  command.addOption(valueFlag('--from-password-command <command>', 'command that prints its password'))
  command.addOption(valueFlag('--from-key-hint <id>', 'its key to try first'))
  command.addOption(flag('--from-insecure-no-password', 'it has no password (insecure)'))
}

/** Where it is and how it is opened. A flag comes before the variable of the same meaning. */
export function fromPlace({ env }: CommandContext, flags: CommandFlags): Place {
  const given = (name: string, variable: string) => (flags[name] as string | undefined) ?? env.get(variable)
  return {
    repo: flags.fromRepositoryFile === undefined ? given('fromRepo', 'FROM_REPOSITORY') : undefined,
    repositoryFile: flags.fromRepo === undefined ? given('fromRepositoryFile', 'FROM_REPOSITORY_FILE') : undefined,
    password: {
      file: flags.fromPasswordCommand === undefined ? given('fromPasswordFile', 'FROM_PASSWORD_FILE') : undefined,
      command: flags.fromPasswordFile === undefined ? given('fromPasswordCommand', 'FROM_PASSWORD_COMMAND') : undefined,
      none: flags.fromInsecureNoPassword === true,
      keyHint: given('fromKeyHint', 'FROM_KEY_HINT'),
    },
    passwordVariable: 'FROM_PASSWORD',
    question: 'enter password for source repository: ',
    missing: 'SOURCE_PASSWORD_MISSING',
  }
}

export function isNamed({ repo, repositoryFile }: Place): boolean {
  return repo !== undefined || repositoryFile !== undefined
}
