import type { UsageService } from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import type { Usage } from "../domain/usage.js";
import { fromTimestamp } from "./convert.js";
import {
  fromProtoApiCall,
  fromProtoFilter,
  fromProtoGrouping,
  toProtoApiCall,
  toProtoGroup,
} from "./convert-api-call.js";
import type { Handlers } from "./service.js";

/** Implements UsageService. */
export function usageHandlers(usage: Usage): Handlers<typeof UsageService> {
  return {
    async recordApiCall({ apiCall }, { tenantId }) {
      const recorded = await usage.record(tenantId, apiCall && fromProtoApiCall(apiCall));
      return { apiCall: toProtoApiCall(recorded) };
    },

    async listApiCalls({ filter, pageSize, pageToken }, { tenantId }) {
      const query = { filter: fromProtoFilter(filter), pageSize, pageToken };
      const { items, nextPageToken } = await usage.list(tenantId, query);
      return { apiCalls: items.map(toProtoApiCall), nextPageToken };
    },

    async getUsage({ filter, groupBy, pageSize, pageToken }, { tenantId }) {
      const { items, nextPageToken } = await usage.total(tenantId, {
        filter: fromProtoFilter(filter),
        groupBy: fromProtoGrouping(groupBy),
        pageSize,
        pageToken,
      });
      return { groups: items.map(toProtoGroup), nextPageToken };
    },

    async purgeApiCalls({ before }, { tenantId }) {
      const deletedCount = await usage.purge(tenantId, fromTimestamp(before));
      return { deletedCount: BigInt(deletedCount) };
    },
  };
}
