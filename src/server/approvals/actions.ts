import {
  deleteMachineAction,
  emptyQuarantineAction,
  leaveAttackAction,
  runRetentionAction,
  shorterKeepAction,
} from '../retention/actions.ts'
import { assignPoliciesAction, changePolicyAction, deletePolicyAction } from '../retention/policy-actions.ts'
import { shortenCopyAction, thinCopyAction } from '../copies/thin-actions.ts'
import type { ApprovalAction } from './action.ts'
import { lessSafetyAction } from './safety-action.ts'

/** Everything that may be asked for. */
export const approvalActions = [
  assignPoliciesAction,
  changePolicyAction,
  deleteMachineAction,
  deletePolicyAction,
  emptyQuarantineAction,
  leaveAttackAction,
  lessSafetyAction,
  runRetentionAction,
  shorterKeepAction,
  shortenCopyAction,
  thinCopyAction,
] as readonly ApprovalAction[]
