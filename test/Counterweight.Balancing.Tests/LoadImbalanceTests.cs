using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Tests;

public sealed class LoadImbalanceTests
{
    [Fact]
    public void Equal_loads_score_one() => Assert.Equal(1, LoadImbalance.MaxOverMean([7L, 7, 7, 7]));

    [Fact]
    public void All_tokens_on_one_expert_of_top_k_score_m_over_k() =>
        Assert.Equal(8.0 / 2, LoadImbalance.MaxOverMean([50L, 50, 0, 0, 0, 0, 0, 0]));

    [Fact]
    public void No_tokens_at_all_is_balanced() => Assert.Equal(1, LoadImbalance.MaxOverMean([0L, 0]));

    [Fact]
    public void Paper_form_keeps_the_mean_over_logical_experts() =>
        Assert.Equal(2 * 30 / 60.0, LoadImbalance.PaperForm([30L, 15, 15], logicalExperts: 2), 12);
}
