import { AgentFolder } from '#agent'
import { valueFlag } from './command.ts'
import { textOf } from './context.ts'
import type { CommandContext, CommandFlags } from './context.ts'
import { agentFolder } from './data-folder.ts'

/** The flag of the commands that work on this machine's agent. */
export const folderFlag = () => valueFlag('--data <folder>', 'where the agent keeps its key, policies and reports')

export function folderOf({ env }: CommandContext, flags: CommandFlags): AgentFolder {
  return new AgentFolder(textOf(flags, 'data') ?? agentFolder(env))
}
