/**
 * What is on this machine: volumes, data of people, shares, databases, servers, containers, virtual machines, what starts by
 * itself. `look` finds and says what it could not see; `coverageOf` holds it against backup policies; `proposePolicy` makes one.
 */
export { coverageOf, uncoveredData } from './coverage.ts'
export type { LocalData } from './coverage.ts'
export { DiscoverError, discoverErrors } from './errors.ts'
export { defaultLimits } from './limits.ts'
export type { LookLimits } from './limits.ts'
export { look } from './look.ts'
export type { LookOptions } from './look.ts'
export { proposePolicy, scopeOf } from './proposal.ts'
export { scopeOfPolicy } from './policy-scope.ts'
export { formatDiscovery } from './report.ts'
export type { ReportOptions } from './report.ts'
