import { z } from 'zod'

/**
 * Versions of what agents and their server say to each other. What only adds needs no new one: a field that is not known is
 * left out, a kind of job that an agent does not name is not given to it, and a policy that it cannot read it names. A new
 * one is for what the other side would understand wrongly.
 */
export interface Protocols {
  readonly oldest: number
  readonly newest: number
}

/** Those that this program speaks. */
export const agentProtocols: Protocols = { oldest: 1, newest: 1 }

/** The header by which an agent says which one it speaks; without it, the first. */
export const protocolHeader = 'understudy-protocol'

/**
 * What is to be updated: 'due': the agent, which is older than its server and works all the same; 'needed': the agent, before
 * it works as it should; 'server': the server, which is older than the agent.
 */
export const agentUpdateSchema = z.enum(['due', 'needed', 'server'])
export type AgentUpdate = z.output<typeof agentUpdateSchema>
